"""The interactive figures: move something and see. Each answers at once, works from the keyboard, and has a still picture.

ground        what all explorers share: still picture and words, heat maps of one PNG pixel a cell, messages
convolution, attention   ConvolutionExplorer and AttentionExplorer, drawn in the browser: live even where there is no kernel
gates         GatesExplorer, likewise
panel         what those share that the kernel computes: controls in the browser, answered with HTML
receptive_field, cost   ReceptiveFieldExplorer and CostExplorer, on it
vgg_stack     VggStackExplorer, on it
mobile        MobileExplorer, on it
patches       PatchExplorer, on it
recurrence    RecurrenceExplorer and HelloExplorer, on it
windows       WindowExplorer, on it
"""

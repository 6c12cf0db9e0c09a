"""The interactive figures: move something and see. Each answers at once, works from the keyboard, and has a still picture.

ground    what all explorers share: still picture and words, heat maps of one PNG pixel a cell, messages
panel     the ground of those that the kernel computes: controls in the browser (panel.js, panel.css), answered with HTML
widgets   what several of these write and draw: numbers in few characters, shares of costs with their bars, charts, pages

Each stands in its chapter's room, explorer.py, with its page (explorer.html) and style (explorer.css) beside it. Those that need
whole numbers only can be drawn and computed in the browser (explorer.js) and live on where there is no kernel.
"""

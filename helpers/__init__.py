"""The course's own package. Chapters import from its rooms; importing `helpers` itself imports none of them.

shapes      how large an output is, how much of the input one unit sees: integers only
layers/     convolution, pooling, normalisation, recurrence and attention from scratch, each equal to torch's
models/     whole networks, each the shortest file in which a reader can see them
costs/      any nn.Module and an input → parameters, memory and multiply-adds, layer by layer
data/       the data sets in data/, loaded, verified and batched under a seed
sequences   symbols as numbers, and tasks of memory
training/   one training loop for every chapter
plots       figures, one style for the whole course
diagrams    boxes and arrows, from which chapters draw their networks
device      which processor, how many threads, which seed: decided once, here
checks      what arguments must be, said with their names and values
files       write a file whole or not at all
output      how a helper shows something: formatted in a notebook, as text elsewhere
course/     the machinery: claims, exercises, explorers, slides, pages
chapters/   one room a chapter: its claims, exercises, explorer, experiments
moved       where modules lie that had another name
beside      files beside a notebook that are named like packages

Dependencies run one way: shapes ← layers ← models ← costs; data, training and plots beside them; course above, and a
chapter's room above that. No room knows another.
"""

from helpers import moved

moved.install()

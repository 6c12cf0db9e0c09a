"""The shared ground of the course: a map of the rooms. Chapters import from the rooms themselves.

shapes      how large an output is, how much of the input one unit sees: integers only
layers      convolution, pooling, normalisation, recurrence and attention from scratch, each equal to torch's
checks      what arguments must be, said with their names and values
models      whole networks, each the shortest file in which a reader can see them
costs       any nn.Module and an input shape → parameters, memory and multiply-adds, layer by layer
data        the data sets in data/, loaded, verified and batched under a seed
sequences   symbols as numbers, tasks of memory, and their training loop
training    one plain training loop
device      which processor, how many threads, which seed: decided once, here
plots       the figures, one style for the whole course
lecture     the lecture's claims, and settle(), which puts one to the test
source      show a helper's source in a notebook
files       write a file whole or not at all
output      how a helper shows something: formatted in a notebook, as text elsewhere
live        the progress bar and curve of a training
machine     the check of this machine in chapter 00
notebooks   re-run and save the chapters: `make notebooks`
exercises   check(), hint(), solution(): answers to a student's answer
explorers   the interactive figures

Dependencies run one way: shapes ← layers ← models ← costs; data, training and plots beside them; exercises and
explorers on top. Importing `helpers` imports none of them, so it costs nothing.
"""

"""The course's claims about its own speed, as commands: `make bench` prints them, `make measured` writes docs/measured.md.

costs        our cost table against four other counters: right or wrong, how fast, and what none of them sees
models       our cost table against torch's counter, over all of timm, torchvision and sixty kinds of transformers
layers       layers from scratch against torch's, loops against the fast form
threads      one torch thread against two
import_time  what `import helpers` costs
chapters     every chapter from a cold kernel: seconds and memory
explorers    how fast each explorer answers in Chromium, beside a plain interact; said and left out where there is no Chromium

Each alone: `python -m benchmarks.costs`, with --quick for a first look. Times depend on the machine and on what else it does:
what is compared is measured in turn, in one run, so trust the ratios. On a GPU absolute times hold too.
"""

"""The machinery of the course, which no student needs to read: what a notebook uses of it stands here.

rooms         where the chapters are; every list of them is made from there
claims        the lecture's claims, and claim(), which puts one to the test
exercises/    check(), hint(), solution(), ready(): answers to a student's answer
marking/      marks for a folder of submissions
progress      which exercises were right so far
command       the command image-models-course
carry         copies of the notebooks, and a student's cells in a new version
explorers/    what the interactive figures share
source        show a helper's source in a notebook
tolerance     measured(), a number with its tolerance
experiments   run what is too long for a chapter, and keep what it printed: `make experiments`
notebooks     re-run and save the chapters: `make notebooks`
pages         what is made from the chapters: the README's table, the instructors' plan
slides        the chapters as slide decks: `make slides`
new_chapter   a new chapter from the template: `make chapter NAME=example`
"""

import importlib

_HOME = {
    "claim": "claims",
    "settle": "claims",
    "summary": "claims",
    "check": "exercises",
    "hint": "exercises",
    "ready": "exercises",
    "solution": "exercises",
    "measured": "tolerance",
    "show_source": "source",
}
__all__ = sorted(_HOME)


def __getattr__(name):
    # each is loaded when a notebook asks for it: importing a light room of this package costs nothing
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)

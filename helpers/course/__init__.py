"""The machinery of the course, which no student needs to read: what a notebook uses of it stands here.

rooms         where the chapters are; every list of them is made from there
claims        the lecture's claims, and claim(), which puts one to the test
exercises/    check(), hint(), solution(), ready(): answers to a student's answer
explorers/    what the interactive figures share
source        show a helper's source in a notebook
measured      a number with its tolerance
experiments   run what is too long for a chapter, and keep what it printed: `make experiments`
notebooks     re-run and save the chapters: `make notebooks`
pages         what is made from the chapters: the README's table, the instructors' plan
slides        the chapters as slide decks: `make slides`
new_chapter   a new chapter from the template: `make chapter NAME=example`
"""

from helpers.course.claims import claim, settle, summary
from helpers.course.exercises import check, hint, ready, solution
from helpers.course.measured import measured
from helpers.course.source import show_source

__all__ = ["check", "claim", "hint", "measured", "ready", "settle", "show_source", "solution", "summary"]

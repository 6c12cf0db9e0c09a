"""Answers to a student's answer: check(conv2d_loops), hint(conv2d_loops), solution(conv2d_loops), ready(conv2d_loops).

engine.py     what an exercise is, and what is said to an answer
run.py        call a student's function without being harmed by it
compare.py    what differs between two results, in words
reading.py    what can be read off a function without running it
solutions.py  the solutions, which lie in the chapters' rooms, with the marks from which the stubs are made
solve.py      write the notebooks with the solutions filled in, or as an nbgrader course

The exercises of each chapter lie in its room.
"""

from helpers.course.exercises.engine import check, hint, ready, solution
from helpers.course.rooms import rooms

for _room in rooms():
    _room.load("exercises")

__all__ = ["check", "hint", "ready", "solution"]

"""Answers to a student's answer: check(conv2d_loops), hint(conv2d_loops), solution(conv2d_loops), ready(conv2d_loops).

check.py      what an exercise is, and what is said to an answer
run.py        call a student's function without being harmed by it
compare.py    what differs between two results, in words
ch01.py, ...  the exercises of each chapter, found by their names
solutions/    their solutions, with the marks from which the stubs are made
solve.py      write the notebooks with the solutions filled in, or as an nbgrader course
"""

import importlib
import pkgutil
import re

from helpers.exercises.check import check, hint, ready, solution

for _chapter in sorted(module.name for module in pkgutil.iter_modules(__path__) if re.fullmatch(r"ch\d+", module.name)):
    importlib.import_module(f"{__name__}.{_chapter}")

__all__ = ["check", "hint", "ready", "solution"]

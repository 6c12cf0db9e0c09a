"""Marks: each answer alone, in a process that serves calls and cannot reach what decides.

submission.py  read what a student handed in, whatever it went through
answers.py     find an answer by its exercise's name, and what it needs from the other cells
wire.py        values as text, between the two processes
seal.py        what the student's process gives up: files, network, memory, time
worker.py      the student's side
sandbox.py     the marker's side
judge.py       from what came back to a mark and the tutor's sentence
kept.py        what was marked is kept, so that it is marked once
late.py        what is due when, and for whom later
similar.py     which answers are alike
report.py      feedback, the report, the tables for a learning platform
gradebook.py   the same into nbgrader's gradebook
marking.py     all of it: a folder of submissions in, a folder of marks out
"""

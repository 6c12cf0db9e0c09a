"""The figures of chapter 15."""

from helpers import plots


def draw_methods(ax):
    pass

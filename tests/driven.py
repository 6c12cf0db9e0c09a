"""Explorers driven without a browser: all that there are, the controls of each, and changes of them as the browser asks for them."""

import html
import random
import re

from helpers.course.explorers.panel import Panel
from helpers.course.rooms import rooms

KINDS = [kind for room in rooms() for kind in room.explorers]
PANELS = [kind for kind in KINDS if issubclass(kind, Panel)]


def ask(explorer, *changes):
    """Set controls as the browser does, each (name, value), all of them in one message; return the explorer."""
    first = explorer.answered + 1
    explorer.wanted = [[first + i, *change] for i, change in enumerate(changes)]
    assert explorer.answered == first + len(changes) - 1
    return explorer


def shown(explorer):
    """Return the HTML of all that it shows."""
    return "".join({**explorer.fixed, **explorer.parts}.values())


def attributes(tag):
    """Return the attributes of an HTML tag."""
    return {name: html.unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}


def controls(explorer):
    """Return [(name, values)] of its controls: what each can be set to."""
    page, found = shown(explorer), []
    for tag in re.findall(r"<input[^>]*>", page):
        about = attributes(tag)
        found.append((about["data-set"], range(int(about["min"]), int(about["max"]) + 1, int(about["step"]))))
    for tag, inside in re.findall(r"(<select[^>]*>)(.*?)</select>", page, re.DOTALL):
        found.append(
            (attributes(tag)["data-set"], list(map(html.unescape, re.findall("<option>(.*?)</option>", inside))))
        )
    for tag in re.findall(r"<button(?![^>]*data-upload)[^>]*>", page):
        value = attributes(tag)["value"]
        found.append((attributes(tag)["data-set"], [int(value) if re.fullmatch(r"-?\d+", value) else value]))
    for names in re.findall(r'data-at="(\w+) (\w+)"', page):
        found += [(name, [0.0, 0.3, 0.55, 1.0]) for name in names]
    return found


def change(explorer, dice):
    """Return a change by chance of one of its controls: (name, value)."""
    name, values = dice.choice(controls(explorer))
    return name, dice.choice(values)


def dice(seed=0):
    return random.Random(seed)

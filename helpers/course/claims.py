"""The claims of the lecture *Deep Learning & Image Models*, and claim(), which puts one to the test.

Each chapter's room lists what it settles, in its claims.py, with the verdict that it comes to. A verdict is one of
    "holds"      as it is worded
    "condition"  only where the condition in `care` is met
    "wrong"      it is not so; `care` says what is
"""

from dataclasses import dataclass
from functools import cache
from html import escape

from helpers.course.rooms import room, rooms
from helpers.output import publish

WORDS = {"holds": "holds", "condition": "holds under a condition", "wrong": "is wrong"}
COLOURS = {"holds": "#009E73", "condition": "#E69F00", "wrong": "#D55E00"}
# how many rows each letter of the ledger has; tests name those that no chapter settles
LEDGER = dict(A=13, B=10, C=12, D=8, E=14, F=4, G=11, H=3, I=11, J=18, K=9, L=19, M=13)


@dataclass(frozen=True)
class Claim:
    """A row of the ledger: its id, what the lecture says in our words, the verdict, and what must be added to it."""

    id: str
    says: str
    verdict: str = "holds"
    care: str = ""


@cache
def claims():
    """Return {id: Claim}, of all chapters, in their order."""
    return {each.id: each for one in rooms() if (found := one.load("claims")) for each in found.CLAIMS}


def claim(id, finding, *, holds, under=False):
    """Show what a claim says, what came out, and the verdict that follows from it.

    id:      of a claim, such as "E1"
    finding: what came out, in a sentence with its numbers
    holds:   bool, computed: whether it is so, as the claim is worded
    under:   bool, computed: whether it is so where the condition is met that the chapter names
    raises:  ValueError for an id that no chapter has, or evidence that is no truth value

    Where the verdict is not the one that the chapter comes to, the box says so, and the notebook goes on.
    """
    holds, under = _truth("holds", holds), _truth("under", under)
    _show(_find(id), finding, "holds" if holds else "condition" if under else "wrong")


def settle(id, evidence, finding):
    """Show a claim with the chapter's verdict, and whether what was computed supports that.

    evidence: bool, computed from what the chapter has run; it must support the verdict, also where that is "wrong"
    finding:  what came out, in a sentence with its numbers
    raises:   ValueError for an id that no chapter has, or evidence that is no truth value
    """
    found = _find(id)
    _show(found, finding, found.verdict if _truth("evidence", evidence) else "")


def summary(chapter):
    """Show the claims of a chapter with their verdicts, as a table.

    chapter: its number; or a letter of the ledger, for its claims
    raises:  ValueError where there are none
    """
    if isinstance(chapter, str):
        found = [each for each in claims().values() if each.id[0] == chapter]
        if not found:
            raise ValueError(f"chapter (={chapter!r}) must be its number, or one of {sorted({i[0] for i in claims()})}")
    else:
        found = getattr(room(chapter).load("claims"), "CLAIMS", ())
    plain = "\n".join(f"{c.id:4} {_verdict(c)}" for c in found)
    rows = "".join(
        f'<tr><td style="border-left:6px solid {COLOURS[c.verdict]}"><b>{c.id}</b></td>'
        f'<td style="text-align:left">{escape(c.says, False)}</td>'
        f'<td style="text-align:left"><b>{WORDS[c.verdict]}</b>{escape(_verdict(c).removeprefix(WORDS[c.verdict]), False)}'
        "</td></tr>"
        for c in found
    )
    head = "<tr><th></th><th style='text-align:left'>the claim</th><th style='text-align:left'>verdict</th></tr>"
    publish({"text/plain": plain, "text/html": f"<table>{head}{rows}</table>"})


def _verdict(found):
    return WORDS[found.verdict] + (f": {found.care}" if found.care else "")


def _find(id):
    known = claims()
    if not isinstance(id, str) or id not in known:
        raise ValueError(f"id (={id!r}) must be that of a claim, from {next(iter(known))} to {list(known)[-1]}")
    return known[id]


def _truth(name, value):
    value = value.tolist() if hasattr(value, "tolist") else value  # of NumPy, or a tensor on any device
    if not isinstance(value, bool):
        raise ValueError(f"{name} (={value!r:.60}) must be True or False, computed from what the chapter has run")
    return value


def _show(found, finding, verdict):
    """Show one claim; `verdict` is "" where what was computed does not support the chapter's."""
    if not isinstance(finding, str) or not finding.strip():
        raise ValueError(f"finding (={finding!r}) must say in a sentence what came out")
    care, doubt = "", ""
    if verdict == found.verdict:
        care = f" {found.care[0].upper()}{found.care[1:]}." if found.care else ""
    else:
        doubt = f" (The chapter found that it {WORDS[found.verdict]}; what was computed here does not support that.)"
    word = WORDS.get(verdict, "is not settled by this")
    publish(
        {
            "text/plain": f"{found.id} {word}. {found.says}{care} Here: {finding}{doubt}",
            "text/html": (
                f'<div style="border-left:6px solid {COLOURS.get(verdict, "#777777")};padding:.3em 1em;margin:.3em 0">'
                f"<i>{escape(found.says, False)}</i> <b>{found.id} {word}.{escape(care, False)}</b><br>"
                f"{escape(finding + doubt, False)}</div>"
            ),
        }
    )

"""Two tables of the chapter: rows side by side, and small claims settled together."""

from html import escape

from helpers.course.claims import COLOURS, WORDS, claims
from helpers.output import publish


def show_rows(head, rows, words):
    """Show rows of words as an HTML table; `words`: its text form, without measured numbers."""
    lines = [
        "<tr>" + "".join(f"<td style='text-align:{'right' if i else 'left'}'>{cell}</td>" for i, cell in enumerate(row))
        for row in rows
    ]
    top = "".join(f"<th>{each}</th>" for each in head)
    publish({"text/html": f"<table style='font-size:115%'><tr>{top}</tr>{''.join(lines)}</table>", "text/plain": words})


class Slips:
    """Small claims, settled one by one with claim(), and shown together as one short table with show()."""

    def __init__(self):
        self.rows = []

    def claim(self, id, finding, *, holds, under=False):
        """Settle one: the arguments are those of helpers.course.claim."""
        self.rows.append((claims()[id], finding, "holds" if holds else "condition" if under else "wrong"))

    def show(self):
        """Show what was claimed, the verdict that follows from the evidence, and what came out."""
        plain, lines = [], []
        for each, finding, verdict in self.rows:
            doubt = "" if verdict == each.verdict else f" (The chapter found that it {WORDS[each.verdict]}.)"
            plain.append(f"{each.id} {WORDS[verdict]}. {each.says} Here: {finding}{doubt}")
            lines.append(
                f'<tr><td style="border-left:6px solid {COLOURS[verdict]}"><b>{each.id}</b></td>'
                f'<td style="text-align:left"><i>{escape(each.says, False)}</i></td>'
                f'<td style="text-align:left"><b>{WORDS[verdict]}</b></td>'
                f'<td style="text-align:left">{escape(finding + doubt, False)}</td></tr>'
            )
        publish({"text/plain": "\n".join(plain), "text/html": f"<table>{''.join(lines)}</table>"})

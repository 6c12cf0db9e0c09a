"""What is made from the chapters: tables in the README, chapter 00's map, instructors' plans, glossary, bibliography. The command behind `make pages`."""

import re
import sys

from helpers.course.claims import LEDGER, claims
from helpers.course.index import bibliography, glossary
from helpers.course.rooms import ROOT, rooms
from helpers.files import write_whole
from helpers.output import publish


def chapter_table(folder="notebooks/"):
    """Return the chapters as a table in Markdown: number, title, question, minutes to read.

    folder: what links begin with
    """
    rows = [
        f"| {room.number:02} | [{room.title}]({folder}{room.stem}.ipynb) | {room.question} | {room.minutes} min |"
        for room in rooms()
    ]
    return "\n".join(["| | chapter | the question | read |", "| --- | --- | --- | --- |", *rows])


def show_map():
    """Show the chapters after this one, with links, in a notebook."""
    table = chapter_table("")
    publish({"text/plain": table, "text/markdown": table})


def plan(room):
    """Return a chapter's plan for a class as a table in Markdown, from the notes in its notebook."""
    head = ["| 50 | 90 | section | what to do | what to ask the room |", "| --- | --- | --- | --- | --- |"]
    rows = [
        f"| {short or '–'} | {long or '–'} | {section} | {do or '–'} | {ask or '–'} |"
        for section, long, short, do, ask in room.timings
    ]
    return "\n".join([*head, *rows])


def plans():
    """Return the plans of all chapters but the first, each under its heading."""
    return "\n\n".join(f"### Chapter {room.number:02}: {room.title}\n\n{plan(room)}" for room in rooms() if room.number)


def counted():
    """Return how many claims and chapters there are, in a sentence's words."""
    letters = sorted({id[0] for id in claims()} & LEDGER.keys())
    return f"{len(claims())} claims, sections {letters[0]} to {letters[-1]}, in {len(rooms()) - 1} chapters"


PARTS = {
    "README.md": {"chapters": chapter_table, "counted": counted},
    "docs/instructors.md": {"plans": plans},
    "docs/glossary.md": {"terms": glossary},
    "docs/bibliography.md": {"sources": bibliography},
}


def filled(text, parts):
    """Return a page with what stands between <!-- name --> and <!-- /name --> made anew.

    raises: ValueError where the page lacks one of the two marks
    """
    for name, make in parts.items():
        made = make()
        made = f"\n\n{made}\n\n" if "\n" in made else made
        text, found = re.subn(
            rf"(?<=<!-- {name} -->).*?(?=<!-- /{name} -->)", lambda _, made=made: made, text, flags=re.DOTALL
        )
        if found != 1:
            raise ValueError(
                f"name (={name!r}) must stand once between <!-- {name} --> and <!-- /{name} -->: put them in"
            )
    return text


def pages():
    """Return {path of a page: its text as it should be}."""
    return {ROOT / path: filled((ROOT / path).read_text(encoding="utf-8"), parts) for path, parts in PARTS.items()}


def main():
    for path, text in pages().items():
        write_whole(path, text.encode("utf-8"))
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())

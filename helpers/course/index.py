"""The glossary and the bibliography, gathered from the chapters: each term and source, and where in the course it stands."""

import re

from helpers.course.rooms import rooms

KOREAN = "[가-힣]"
TERMS = (  # **term** (용어), perhaps with its letter; (**term**, 용어); and a title of one word, # 8. LSTM (장단기 메모리)
    re.compile(rf"\*\*([^*\n(]+)\*\*(?: [a-zA-Z])?\s*\(([^()]*{KOREAN}[^()]*)\)"),
    re.compile(rf"\(\*\*([^*\n]+)\*\*,\s*([^()]*{KOREAN}[^()]*)\)"),
    re.compile(rf"^# \d+\. ([^(\s]+) \(([^()]*{KOREAN}[^()]*)\)", re.M),
)
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


def texts(room):
    """Yield the chapter's cells of text, each with the heading it stands under: (heading, text)."""
    heading = ""
    for cell in room.cells:
        if cell["cell_type"] == "markdown":
            found = re.findall(r"^#+ (.+)$", cell["source"], re.M)
            heading = found[0] if found else heading
            yield heading, cell["source"]


def place(room, heading, folder):
    """Return a link to a heading of a chapter, as JupyterLab follows it."""
    return f"[{room.number:02}]({folder}{room.stem}.ipynb#{re.sub(r'[*`]', '', heading).replace(' ', '-')})"


def terms():
    """Return {term: (Korean, {room: the heading under which it first stands})}, in alphabetical order."""
    found = {}
    for room in rooms():
        for heading, text in texts(room):
            for pattern in TERMS:
                for name, korean in pattern.findall(text):
                    name = name[0].lower() + name[1:] if name[1:].islower() and pattern is not TERMS[2] else name
                    korean = ", ".join(part.strip() for part in re.split("[,:;]", korean) if re.search(KOREAN, part))
                    known = next((old for old in found if same(old, name)), name)
                    found.setdefault(known, (korean, {}))[1].setdefault(room, heading)
    return dict(sorted(found.items(), key=lambda pair: pair[0].casefold()))


def same(a, b):
    """Return whether two terms are one, but for capitals and a plural's s."""
    return a.casefold().rstrip("s") == b.casefold().rstrip("s")


def glossary(folder="../notebooks/"):
    """Return the terms as a table in Markdown: English, Korean, and the chapters that explain them."""
    rows = [
        f"| {name} | {korean} | {' '.join(place(room, heading, folder) for room, heading in where.items())} |"
        for name, (korean, where) in terms().items()
    ]
    return "\n".join(["| term | 한국어 | chapters |", "| --- | --- | --- |", *rows])


def sources():
    """Return {key: (text, [rooms])}: the works that the chapters' lists of sources name, by author.

    key: the number at arXiv, else the title. Of several texts for one work the one that names most stands.
    """
    found = {}
    for room in rooms():
        for heading, text in texts(room):
            if heading != "Sources":
                continue
            for line in re.findall(r"^- (.+)$", text, re.M):
                for work in works(line):
                    number, title = ARXIV.search(work), re.search(r"\*([^*]+)\*", work)
                    key = number[1] if number else title[1].casefold().rstrip("?")
                    text_now, where = found.get(key, ("", []))
                    found[key] = max(text_now, work, key=lambda t: ("*" in t, len(t))), [*dict.fromkeys([*where, room])]
    return dict(sorted(found.items(), key=lambda pair: pair[1][0].casefold()))


def works(line):
    """Return the works of a line "Author 2014, *Title*, arXiv:1234.56789: what for; Other 2015, …", each up to what for."""
    found, authors = [], ""
    for piece in re.split(r";\s+|\.\s+(?=[A-Zv])", line):
        piece = re.sub(r"^[A-Z][\w ]+: (?=[A-Z].*\d{4})", "", piece)  # "Machines: Chen et al. 2020"
        piece = authors + piece if re.match(r"\d{4}, ", piece) else piece  # "; 2017, *SGDR*": the same authors
        authors = re.match(r"\D*", piece)[0]
        number, title = ARXIV.search(piece), re.search(r"\*[^*]+\*", piece)
        if number or title and re.search(r"\b(1[89]|20)\d\d\b", piece[: title.start()]):
            found.append(piece[: max(number.end() if number else 0, title.end() if title else 0)])
    return found


def bibliography(folder="../notebooks/"):
    """Return the sources as a list in Markdown, each with the chapters that name it."""
    lines = []
    for text, where in sources().values():
        text = ARXIV.sub(lambda found: f"[{found[0]}](https://arxiv.org/abs/{found[1]})", text)
        lines.append(f"- {text}. Chapters {' '.join(place(room, 'Sources', folder) for room in where)}")
    return "\n".join(lines)

"""The glossary and the bibliography hold what the notebooks hold, found here by other means than the pages are made by."""

import json
import re

import pytest

from helpers.course import index
from helpers.course.rooms import ROOT, rooms

GLOSSARY, BIBLIOGRAPHY = (ROOT / f"docs/{name}.md" for name in ("glossary", "bibliography"))


def texts(room):
    cells = json.loads(room.notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.stem)
def test_every_work_with_a_number_at_arxiv_is_in_the_bibliography_once_and_names_the_chapter(room):
    lines = BIBLIOGRAPHY.read_text(encoding="utf-8").splitlines()
    for text in texts(room):
        if text.startswith("## Sources"):
            for number in re.findall(r"\d{4}\.\d{5}|\d{4}\.\d{4}", text):
                found = [line for line in lines if f"/{number})" in line]
                assert len(found) == 1 and room.notebook.name in found[0], number


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.stem)
def test_every_bold_term_with_its_korean_is_in_the_glossary_and_names_the_chapter(room):
    rows = GLOSSARY.read_text(encoding="utf-8").splitlines()
    for text in texts(room):
        for name, korean in re.findall(r"\*\*([\w -]+)\*\* \(([가-힣 ]+)\)", text):
            found = [row for row in rows if row.casefold().startswith(f"| {name.casefold()[:-1]}")]
            assert any(room.notebook.name in row for row in found), (name, korean)


def test_every_link_leads_to_a_heading_that_is_there():
    for page in (GLOSSARY, BIBLIOGRAPHY):
        links = re.findall(r"\]\(\.\./notebooks/([^)#]+)#(.+?)\)(?= |\n|$)", page.read_text(encoding="utf-8"))
        assert len(links) > 100
        for name, fragment in links:
            notebook = json.loads((ROOT / "notebooks" / name).read_text(encoding="utf-8"))
            headings = re.findall(r"^#+ (.+)$", "\n".join("".join(c["source"]) + "\n" for c in notebook["cells"]), re.M)
            assert fragment in [re.sub(r"[*`]", "", heading).replace(" ", "-") for heading in headings], (
                name,
                fragment,
            )


@pytest.mark.parametrize(
    "line, found",
    [
        (
            "Loshchilov & Hutter 2019, *AdamW*, arXiv:1711.05101; 2017, *SGDR*, arXiv:1608.03983: the cosine.",
            [
                "Loshchilov & Hutter 2019, *AdamW*, arXiv:1711.05101",
                "Loshchilov & Hutter 2017, *SGDR*, arXiv:1608.03983",
            ],
        ),
        ("Machines: Chen et al. 2020, *SimCLR*, arXiv:2002.05709.", ["Chen et al. 2020, *SimCLR*, arXiv:2002.05709"]),
        ("Elman 1990, *Finding structure in time*: the plain one.", ["Elman 1990, *Finding structure in time*"]),
        ("Data: see data/README.md.", []),
        ("torchvision's list of models; timm's model cards (DINOv2, EVA).", []),
    ],
)
def test_a_line_of_sources_is_taken_apart(line, found):
    assert index.works(line) == found


def test_two_terms_are_one_but_for_capitals_and_a_plural():
    assert index.same("Feature map", "feature maps") and not index.same("encoder", "decoder")


def test_every_list_of_sources_leads_to_both_pages():
    for room in rooms():
        for text in texts(room):
            if text.startswith("## Sources"):
                assert "(../docs/glossary.md)" in text and "(../docs/bibliography.md)" in text, room.stem

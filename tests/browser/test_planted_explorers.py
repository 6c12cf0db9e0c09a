"""Explorers that break one rule each, so that every check of the contract is seen to fail. One page for all of them."""

import pytest

from browser import explorers
from browser.conftest import assert_clean

pytestmark = pytest.mark.long

SOUND = """
from helpers import plots
from helpers.course.explorers.panel import LATE, Panel, choice, slider
class Planted(Panel):
    alt, control, more = "A number from 1 to 9.", slider("a", "the number", 1, 9), ""
    def __init__(self):
        super().__init__()
        self.a = 3
        self.refresh()
    def hear(self, name, value):
        self.a = value
    def still(self):
        return plots.figure(1, 1, width=2)[0]
    def refresh(self):
        top = f'<div class="panel-top"><label>a {self.control} <b data-show="a"></b></label></div>'
        self.fixed = {"frame": LATE + top + '<p data-part="words"></p>' + self.more}
        self.parts, self.values = {"words": f"The number is {self.a}."}, {"a": self.a}
"""
FAULTS = {
    "sound": "",
    "deaf": "def hear(self, name, value): pass",
    "keys": '_esm = Panel._esm.replace("event.stopPropagation()", "0")',
    "unlabelled": 'control = slider("a", "", 1, 9)\ndef refresh(self):\n    super().refresh()\n'
    "    self.fixed = {'frame': self.fixed['frame'].replace('label>', 'span>')}",
    "unreached": "control = Planted.control.replace('<input', '<input tabindex=\"-1\"')"
    " + choice('b', 'another', ['1', '2'])",
    "outline": '_css = Panel._css + ".panel input:focus-visible { outline: none; }"',
    "pale": """more = '<p style="color:#bbb;background:#fff">pale</p>'""",
    "wide": """more = '<p style="width:900px">wide</p>'""",
    "covered": """more = '<p style="margin-top:-36px">one over the other</p>'""",
    "small": """more = '<small style="font-size:12px">small</small>'""",
    "heap": "def refresh(self):\n    super().refresh()\n    self.kept = getattr(self, 'kept', []) + [b'x' * 400_000]",
    "nodes": '_esm = Panel._esm.replace("function refresh() {", "function refresh() { (window.kept ??= []).push('
    "...Array.from({length: 9}, () => el.appendChild(document.createElement('i')))); \")",
    "error": """_esm = Panel._esm.replace("function refresh() {", "function refresh() { console.error('planted'); ")""",
    "leaves": """more = '<img alt="" src="http://planted.invalid/x.png">'""",
}
NAMES = list(FAULTS)


@pytest.fixture
def planted(notebook):
    """Return a function that shows the explorer with a fault, in a notebook of its own, 600 pixels wide."""

    def show(name):
        body = FAULTS[name].replace("\n", "\n    ").replace("super()", "super(Faulty, self)") or "pass"
        root = explorers.ran(notebook, f"{SOUND}\nclass Faulty(Planted):\n    {body}\nFaulty()", "1")
        room = root.evaluate("r => r.closest('.jp-OutputArea-output').clientWidth")
        width = notebook.page.viewport_size["width"]
        notebook.page.set_viewport_size({"width": width + 600 - room, "height": 900})
        notebook.settle(200)
        return root

    return show


def test_every_check_sees_its_fault(notebook, planted):
    page = notebook.page
    root = planted("sound")
    assert explorers.by_keyboard(notebook, root) == [] == explorers.unreadable(root)
    assert root.evaluate(explorers.MISPLACED) == []
    assert not explorers.too_much(list(explorers.leaks(notebook, root, changes=100).values()))
    assert_clean(page)
    for name, said in {
        "deaf": "a key changed nothing",
        "keys": "a key reached JupyterLab",
        "unlabelled": "has no label",
        "unreached": "was not reached by Tab",
        "outline": "its focus does not show",
    }.items():
        assert any(said in each for each in explorers.by_keyboard(notebook, planted(name))), name
    for name, said in {"wide": "over the edge", "covered": "one over the other", "small": "smaller than 16"}.items():
        found = planted(name).evaluate(explorers.MISPLACED)
        assert any(said in each for each in found), (name, found)
    assert explorers.unreadable(planted("pale"))[0][0] < 2
    root = planted("deaf")
    assert explorers.change(root)[1] != (explorers.answered(root), explorers.control(root))[1], "the last change lost"
    assert explorers.leaks(notebook, planted("heap"), rounds=1)["kernel"] > 20 * 2**20
    assert explorers.leaks(notebook, planted("nodes"), rounds=1)["nodes"] > 300
    for name, said in {"error": "planted", "leaves": "planted.invalid"}.items():
        planted(name)
        page.wait_for_timeout(300)
        noted = page.console_errors if name == "error" else page.left_the_machine
        assert any(said in each for each in noted), name
        with pytest.raises(AssertionError, match="console" if name == "error" else "."):
            assert_clean(page)
    page.console_errors.clear()

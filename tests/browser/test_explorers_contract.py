"""What every explorer must do in a real browser, all of them in one notebook of one JupyterLab.

Explorers are found in the chapters' rooms: a new one is covered as soon as it is there. Each test fails, beside its own checks,
on an error in the browser's console and on a request that leaves the machine. What only one does: chapters/.
"""

import nbformat
import pytest

from browser import explorers
from browser.conftest import assert_clean, shared
from browser.explorers import KINDS
from helpers.course.notebooks import tidy

NAMES = list(KINDS)
EVERY = pytest.mark.parametrize("name", NAMES)
NARROW, WIDE = (
    600,
    1100,
)  # pixels of an output's width: beside the file browser on a small screen, and all that they take
HIGH = 600  # pixels that they take at most where they have the width


@pytest.fixture(scope="module")
def notebook(browser, lab):
    """One notebook with a cell for each explorer and one for a second view of it, as it is handed out: run, saved, opened again."""
    cells = []
    for name, kind in KINDS.items():
        data, metadata = kind()._repr_mimebundle_()
        output = nbformat.v4.new_output("execute_result", data, metadata=metadata, execution_count=1)
        source = explorers.code(kind, f"shown_{name}")
        cells.append(nbformat.v4.new_code_cell(source, outputs=[output], execution_count=1))
        cells.append(nbformat.v4.new_code_cell(f"shown_{name}"))
    made = tidy(nbformat.v4.new_notebook(cells=cells))
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, lab.root / "explorers.ipynb")
    with shared(browser, lab) as opened:
        opened.open("explorers.ipynb")
        opened.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
        yield opened


@pytest.fixture(autouse=True)
def clean(notebook, request):
    request.node.browser_page = notebook.page
    yield
    assert_clean(notebook.page)


@pytest.fixture(scope="module")
def ran(notebook):
    notebook.run_all()
    assert notebook.errors() == []
    return notebook


@pytest.fixture
def live(ran):
    """Return a function that scrolls to the explorer of a name, or to its second view, and returns it."""
    return lambda name, second=False: explorers.look(ran, 2 * NAMES.index(name) + second)


@pytest.fixture
def picture(ran, request):
    """Return a function that leaves a picture of an explorer in shots/, where something was found or --shots asks for all."""
    every = request.config.getoption("shots")
    return lambda root, name, found: (found or every) and root.screenshot(path=ran.shots / f"{name}.png")


def wide(notebook, root, width):
    """Make the window so wide that outputs have that width."""
    room = root.evaluate("r => r.closest('.jp-OutputArea-output').clientWidth")
    notebook.page.set_viewport_size({"width": notebook.page.viewport_size["width"] + width - room, "height": 900})
    notebook.settle(200)


def test_before_it_runs_its_picture_is_there(notebook):
    for i, name in enumerate(NAMES):
        notebook.page.evaluate("i => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", 2 * i)
        picture = notebook.page.locator(f".jp-Cell[data-windowed-list-index='{2 * i}'] .jp-OutputArea-output img")
        picture.wait_for(timeout=10_000)
        assert picture.evaluate("n => n.naturalWidth") > 200, name
        assert picture.bounding_box()["height"] > 100, name
    assert notebook.page.get_by_text("Error displaying widget").count() == 0


@EVERY
def test_every_control_is_reached_and_moved_by_the_keyboard_alone(live, ran, name):
    assert explorers.by_keyboard(ran, live(name)) == []


@EVERY
def test_two_views_keep_step_and_the_last_change_wins(live, ran, name):
    root = live(name)
    for _ in range(10):  # a drag: to and fro, faster than any answer comes
        before, after = explorers.change(root)
    explorers.answered(root)
    assert before != after == explorers.control(root)
    seen = root.evaluate(explorers.SHARED)
    other = live(name, second=True)
    assert explorers.control(other) == after and other.evaluate(explorers.SHARED) == seen
    _, after = explorers.change(other)
    explorers.answered(other)
    root = live(name)
    assert explorers.control(root) == after and root.evaluate(explorers.SHARED) != seen


@EVERY
def test_what_has_changed_is_said_in_a_line_that_screen_readers_announce(live, name):
    root = live(name)
    assert root.locator("[role=status]:not(.panel-late), [aria-live]").count()
    assert len({*root.evaluate(explorers.SAID)} - {""}) > 1


@pytest.mark.parametrize("theme", ["Dark", "Light"])  # the light one stays
def test_all_text_stands_out_from_its_ground(live, ran, picture, theme):
    ran.theme(f"JupyterLab {theme}")
    wrong = {}
    for name in NAMES:
        root = live(name)
        ran.page.wait_for_timeout(50)
        found = explorers.unreadable(root)
        picture(root, f"{name}-{theme.lower()}", found)
        if found:
            wrong[name] = found
    assert wrong == {}


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_is_cut_or_hidden_or_too_small_at_both_ends_of_its_controls(live, ran, picture, width):
    wide(ran, live(NAMES[0]), width)
    wrong = {}
    for name in NAMES:
        root = live(name)
        for last in (False, True):
            explorers.end(root, last)
            ran.page.wait_for_timeout(50)
            found = root.evaluate(explorers.MISPLACED)
            box = root.bounding_box()
            if width == WIDE and box["height"] > HIGH and not root.evaluate("r => 'grows' in r.dataset"):
                found.append(f"{box['height']:.0f} pixels high")
            picture(root, f"{name}-{('low', 'high')[last]}-{width}", found)
            if found:
                wrong[name, last] = found
    ran.page.set_viewport_size({"width": 1280, "height": 900})
    assert wrong == {}


@pytest.mark.long
@EVERY
def test_five_hundred_changes_leave_nothing_behind(live, ran, name):
    root = live(name)
    grown = explorers.leaks(ran, root)
    assert not explorers.too_much(list(grown.values())), grown
    assert root.is_visible() and ran.errors() == []


@pytest.mark.long
def test_the_kernel_is_killed_while_explorers_are_shown(live, ran):
    page, waiting = ran.page, ran.page.get_by_text("Waiting for the kernel")
    page.evaluate("""() => { const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
        window.states = []; kernel.statusChanged.connect((_, status) => window.states.push(status));
        kernel.requestExecute({code: 'import os; os.kill(os.getpid(), 9)'}).done.catch(() => null); }""")
    page.wait_for_function("() => window.states.includes('autorestarting')", timeout=60_000)
    idle = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
    page.wait_for_function(idle, timeout=60_000)
    if page.locator(".jp-Dialog").count():  # JupyterLab says that the kernel died
        page.locator(".jp-Dialog .jp-mod-accept").click()
    assert ran.kernel("print('Still' in globals())") == "False\n"
    for name in NAMES:
        root = live(name)
        assert root.bounding_box()["height"] > 200
        before, after = explorers.change(root)
        assert before != after
        if root.evaluate("r => r.matches('.panel')"):  # which the kernel computes; the others go on without it
            root.locator(waiting).wait_for(timeout=15_000)
    assert page.get_by_text("Error displaying widget").count() == 0
    page.console_errors[:] = [error for error in page.console_errors if "Canceled future" not in error]
    ran.run_all()
    assert ran.errors() == []
    for name in NAMES:
        root = live(name)
        before, after = explorers.change(root)
        explorers.answered(root)
        assert before != after == explorers.control(root) and not root.locator(waiting).is_visible(), name

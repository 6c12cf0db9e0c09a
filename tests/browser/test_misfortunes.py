"""Misfortunes in JupyterLab, with every explorer of the course shown: the kernel is killed, and the screen is narrow."""

import importlib
import inspect
import pkgutil

import helpers.explorers

ROOTS = ".panel, .convex, .attex, .gates"


def explorers():
    """Return name → the code that shows it, for every explorer there is."""
    found = {}
    for room in sorted(module.name for module in pkgutil.iter_modules(helpers.explorers.__path__)):
        module = importlib.import_module(f"helpers.explorers.{room}")
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if name.endswith("Explorer") and kind.__module__ == module.__name__:
                found[name] = f"from helpers.explorers.{room} import {name}\n{name}()"
    return found


def shown(notebook):
    """Show all explorers, and return a function that scrolls to one and returns its locator."""
    codes = explorers()
    notebook.write(*codes.values()).open()
    notebook.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    notebook.run_all()
    assert notebook.errors() == []

    def look(name):
        i = list(codes).index(name)
        notebook.page.evaluate("i => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", i)
        root = notebook.page.locator(f".jp-NotebookPanel .jp-Cell[data-windowed-list-index='{i}'] .jp-OutputArea-output :is({ROOTS})").first
        root.wait_for(timeout=30_000)
        return root

    return codes, look


def change(root):
    """Move the first control that has two ends or two choices to another place, as a user would."""
    return root.evaluate("""r => { const node = [...r.querySelectorAll('input[type=range], input[type=number], select')].find(n => n.checkVisibility() && !n.disabled);
        if (!node) return null;
        const before = node.value;
        if (node.tagName === 'SELECT') node.value = [...node.options].map(o => o.value).find(v => v !== before);
        else node.value = node.value === node.max ? node.min : node.max;
        for (const kind of ['input', 'change']) node.dispatchEvent(new Event(kind, {bubbles: true}));
        return [before, node.value]; }""")


def test_the_kernel_is_killed_while_explorers_are_shown(notebook):
    page, (codes, look) = notebook.page, shown(notebook)
    assert len(codes) >= 12
    page.evaluate("""() => { const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
        window.born = kernel.id; window.states = []; kernel.statusChanged.connect((_, status) => window.states.push(status));
        kernel.requestExecute({code: 'import os; os.kill(os.getpid(), 9)'}).done.catch(() => null); }""")
    page.wait_for_function("() => window.states.includes('autorestarting')", timeout=60_000)
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'", timeout=60_000)
    if page.locator(".jp-Dialog").count():  # JupyterLab says that the kernel died
        page.locator(".jp-Dialog .jp-mod-accept").click()
    assert notebook.kernel("print('Still' in globals())") == "False\n"
    waiting = page.get_by_text("Waiting for the kernel")
    for name in codes:
        root = look(name)
        assert root.bounding_box()["height"] > 200
        before, after = change(root)
        assert before != after
        if root.evaluate("r => r.matches('.panel')"):  # which the kernel computes; the others go on without it
            root.locator(waiting).wait_for(timeout=15_000)
    assert page.get_by_text("Error displaying widget").count() == 0
    page.console_errors[:] = [error for error in page.console_errors if "Canceled future" not in error]
    notebook.run_all()
    assert notebook.errors() == []
    for name in codes:
        root = look(name)
        before, after = change(root)
        page.wait_for_function("r => r.dataset.waiting === undefined", arg=root.element_handle(), timeout=20_000)
        assert before != after and not root.locator(waiting).is_visible(), name


# What reaches over the right edge of the explorer, or is cut by something that hides what does not fit, or lies outside its picture.
CUT = """r => { const over = [], edge = r.getBoundingClientRect().right + 1, words = n => n.textContent.trim().slice(0, 40);
    if (r.scrollWidth > r.clientWidth + 1) over.push(`scrolls: ${r.scrollWidth} > ${r.clientWidth}`);
    for (const n of r.querySelectorAll('*')) {
        if (!n.checkVisibility({visibilityProperty: true, opacityProperty: true}) || n.closest('option, defs, clipPath')) continue;
        const own = [...n.childNodes].some(c => c.nodeType === 3 && c.textContent.trim()), box = n.getBoundingClientRect();
        if (!box.width || box.height < 2) continue;
        if (box.right > edge && (own || !n.closest('svg'))) over.push(`over the edge by ${Math.round(box.right - edge)}: ${n.tagName}.${n.className.baseVal ?? n.className} ${words(n)}`);
        if (own && !n.closest('svg') && n.tagName !== 'SELECT' && n.scrollWidth > n.clientWidth + 1 && n.clientWidth && getComputedStyle(n).overflowX !== 'visible')
            over.push(`cut: ${n.tagName}.${n.className} ${words(n)}`);
        if (n.type === 'number' && n.scrollWidth > n.clientWidth) over.push(`cut: ${n.dataset.set} shows ${n.value} in ${n.clientWidth} pixels`);
        if (own && n.tagName === 'text') { const s = n.ownerSVGElement.getBoundingClientRect();
            if (box.left < s.left - 1 || box.right > s.right + 1) over.push(`outside its picture: ${words(n)}`); }
    }
    return over; }"""


def test_explorers_fit_a_narrow_screen(notebook):
    page, (codes, look) = notebook.page, shown(notebook)
    first = look(next(iter(codes)))
    room = first.evaluate("r => r.closest('.jp-OutputArea-output').clientWidth")
    page.set_viewport_size({"width": 1280 - room + 600, "height": 900})
    notebook.settle()
    problems = {}
    for name in codes:
        root = look(name)
        notebook.settle(200)
        root.screenshot(path=notebook.shots / f"narrow-{name}.png")
        assert 560 <= root.evaluate("r => r.closest('.jp-OutputArea-output').clientWidth") <= 605
        if found := root.evaluate(CUT):
            problems[name] = found
    assert problems == {}

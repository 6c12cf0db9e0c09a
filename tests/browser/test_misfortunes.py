"""Misfortunes in JupyterLab, with every explorer of the course shown: the kernel is killed, the network slow, the screen narrow."""

import asyncio
import contextlib
import threading
import urllib.parse

import pytest

from browser.conftest import Lab
from helpers.course.rooms import rooms

ROOTS = ".panel, .convex, .attex, .gates"


def explorers():
    """Return name → the code that shows it, for every explorer there is."""
    kinds = [kind for room in rooms() for kind in room.explorers]
    return {kind.__name__: f"from {kind.__module__} import {kind.__name__}\n{kind.__name__}()" for kind in kinds}


def shown(notebook, *names):
    """Show these explorers, or all, and return their codes and a function that scrolls to one and returns its locator."""
    codes = {name: code for name, code in explorers().items() if name in names or not names}
    notebook.write(*codes.values()).open()
    notebook.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    notebook.run_all()
    assert notebook.errors() == []

    def look(name):
        i = list(codes).index(name)
        notebook.page.evaluate("i => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", i)
        root = notebook.page.locator(
            f".jp-NotebookPanel .jp-Cell[data-windowed-list-index='{i}'] .jp-OutputArea-output :is({ROOTS})"
        ).first
        root.wait_for(timeout=30_000)
        return root

    return codes, look


# The first control that has two ends or two choices.
CONTROL = "[...r.querySelectorAll('input[type=range], input[type=number], select')].find(n => n.checkVisibility() && !n.disabled)"


def change(root):
    """Move that control to another place, as a user would."""
    return root.evaluate(
        f"r => {{ const node = {CONTROL};"
        + """
        if (!node) return null;
        const before = node.value;
        if (node.tagName === 'SELECT') node.value = [...node.options].map(o => o.value).find(v => v !== before);
        else node.value = node.value === node.max ? node.min : node.max;
        for (const kind of ['input', 'change']) node.dispatchEvent(new Event(kind, {bubbles: true}));
        return [before, node.value]; }"""
    )


def control(root):
    """Return what that control is set to."""
    return root.evaluate(f"r => {CONTROL}.value")


def test_the_kernel_is_killed_while_explorers_are_shown(notebook):
    page, (codes, look) = notebook.page, shown(notebook)
    assert len(codes) >= 12
    page.evaluate("""() => { const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
        window.born = kernel.id; window.states = []; kernel.statusChanged.connect((_, status) => window.states.push(status));
        kernel.requestExecute({code: 'import os; os.kill(os.getpid(), 9)'}).done.catch(() => null); }""")
    page.wait_for_function("() => window.states.includes('autorestarting')", timeout=60_000)
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'", timeout=60_000
    )
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


class SlowLine:
    """A line to a server on this machine, as to a kernel in another town: what is sent arrives `delay` seconds later, at `rate` bytes a second."""

    def __init__(self, port):
        self.server, self.delay, self.rate = port, 0.0, float("inf")
        self.loop, self.ready, self.problems = asyncio.new_event_loop(), threading.Event(), []
        self.loop.set_exception_handler(lambda loop, context: self.problems.append(context))
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        assert self.ready.wait(10)

    def run(self):
        asyncio.set_event_loop(self.loop)
        listening = self.loop.run_until_complete(asyncio.start_server(self.connect, "127.0.0.1", 0))
        self.port = listening.sockets[0].getsockname()[1]
        self.ready.set()
        self.loop.run_forever()
        listening.close()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    async def connect(self, reader, writer):
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.server)
        with contextlib.suppress(asyncio.CancelledError):  # by run(), at its end; streams would raise it once more
            await asyncio.gather(self.carry(reader, there_writer), self.carry(there_reader, writer))

    async def carry(self, reader, writer):
        under_way = asyncio.Queue()

        async def arrive():
            while True:
                due, data = await under_way.get()
                await asyncio.sleep(max(0.0, due - self.loop.time()))
                if not data:
                    break
                writer.write(data)
            writer.close()

        arriving = asyncio.ensure_future(arrive())
        try:
            while data := await reader.read(4096):
                await asyncio.sleep(len(data) / self.rate)
                under_way.put_nowait((self.loop.time() + self.delay, data))
        except ConnectionError:
            pass  # the browser closed the page
        under_way.put_nowait((self.loop.time(), b""))
        await arriving

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        assert not self.thread.is_alive() and not self.problems, self.problems


@pytest.fixture
def line(lab):
    """A SlowLine to JupyterLab, which is as fast as the machine until a test slows it."""
    made = SlowLine(urllib.parse.urlsplit(lab.url).port)
    yield made
    made.stop()


@pytest.fixture
def slow(line, notebook, lab):  # the line first, so that it is there until the notebook's page is closed
    """A Notebook at the other end of the line."""
    url = urllib.parse.urlsplit(lab.url)._replace(netloc=f"127.0.0.1:{line.port}").geturl()
    notebook.lab = Lab(url, lab.token, lab.root, lab.log, lab.tried)
    yield notebook
    line.delay, line.rate = 0.0, float("inf")


def test_a_slow_network(slow, line):
    page, (codes, look) = slow.page, shown(slow, "CostExplorer", "PatchExplorer")  # small answers, and large ones
    assert len(codes) == 2
    line.delay, line.rate = 0.4, 100_000
    began = page.evaluate("() => performance.now()")
    assert slow.kernel("print('far away')") == "far away\n"
    assert page.evaluate("() => performance.now()") - began > 800  # there and back again: the line is slow indeed
    for name in codes:
        root = look(name)
        for _ in range(10):  # a drag: to and fro, faster than any answer comes; it ends where it did not begin
            before, after = change(root)
        assert root.get_attribute("data-waiting") is not None, name
        page.wait_for_function("r => r.dataset.waiting === undefined", arg=root.element_handle(), timeout=30_000)
        for later in (0, 1000):  # the latest position holds, and no answer to an earlier one comes after it
            page.wait_for_timeout(later)
            assert before != control(root) == after, name
    assert slow.errors() == []


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

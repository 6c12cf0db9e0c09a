"""Real-browser tests: one JupyterLab server and one headless Chromium for the whole run, on this machine only.

    def test_it(notebook):
        notebook.write("from helpers... import X\\nX()").open().run_all()
        notebook.view(".convex").screenshot(path=notebook.shots / "x.png")

Every test fails, beside its own checks, on an error in the browser's console and on a request that leaves the machine,
be it of the browser, of a kernel or of JupyterLab.
A failed test leaves a screenshot in shots/. Where Chromium is missing, the conftest.py above skips all, and says so loudly.
"""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from offline import attempts, environment

from browser import CHROMIUM

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--js-flags=--expose-gc",
]
SHOTS = Path(__file__).parents[2] / "shots"
# Not an explorer's, and in every JupyterLab: the icon of the page, a note of the browser on its own layout loop, the debugger that
# still asks a kernel whose notebook was left.
HARMLESS = re.compile(r"favicon|ResizeObserver loop|Canceled future for debug_request")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    page = getattr(item, "browser_page", None)
    if report.when == "call" and report.failed and page is not None:
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"failed-{re.sub(r'[^A-Za-z0-9]+', '-', item.name)}.png"
        try:
            page.screenshot(path=path)
            report.sections.append(("screenshot", f"shots/{path.name}"))
        except Exception as error:  # the page itself may be what is broken
            report.sections.append(("screenshot", f"none: {error}"))


class Lab:
    """A running JupyterLab: url, token, root (the folder of its notebooks), log (a file), tried (a file: see offline)."""

    def __init__(self, url, token, root, log, tried):
        self.url, self.token, self.root, self.log, self.tried = url, token, root, log, tried
        self.asked, self.dying = ThreadPoolExecutor(4), []

    def running(self, kind):
        """Return what runs: its "kernels", or its "sessions", which know whose kernel is whose."""
        with urllib.request.urlopen(f"{self.url}api/{kind}?token={self.token}", timeout=10) as answer:
            return json.load(answer)

    def shut_down(self, names):
        """Shut the kernels of these notebooks down and do not wait: they take a second to go, and the next test has no need of that."""
        for kernel in {each["kernel"]["id"] for each in self.running("sessions") if each["path"] in names}:
            order = urllib.request.Request(
                f"{self.url}api/kernels/{kernel}", method="DELETE", headers={"Authorization": f"token {self.token}"}
            )
            self.dying.append(self.asked.submit(lambda order=order: urllib.request.urlopen(order, timeout=60).close()))


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Start JupyterLab as at its first start: no settings but those that the course installs; the user's are not touched."""
    root, home, token = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter"), secrets.token_hex(16)
    env = dict(
        os.environ,
        JUPYTER_CONFIG_DIR=f"{home}/config",
        JUPYTER_RUNTIME_DIR=f"{home}/run",
        JUPYTERLAB_SETTINGS_DIR=f"{home}/settings",
        JUPYTERLAB_WORKSPACES_DIR=f"{home}/workspaces",
        JUPYTER_PLATFORM_DIRS="1",
        IPYTHONDIR=f"{home}/ipython",
        **environment(home / "tried"),
    )
    log = home / "server.log"
    with open(log, "wb") as out:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                "--no-browser",
                "--ip=127.0.0.1",
                "--port=0",
                "--allow-root",
                "--expose-app-in-browser",
                f"--ServerApp.root_dir={root}",
                f"--IdentityProvider.token={token}",
                "--LabApp.extension_manager=readonly",
                "--ServerApp.terminals_enabled=False",
            ],
            env=env,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    info, deadline = None, time.monotonic() + 120
    while info is None and time.monotonic() < deadline and server.poll() is None:
        try:
            found = json.loads(next(Path(home, "run").glob("jpserver-*.json")).read_text())
            urllib.request.urlopen(f"{found['url']}api/status?token={token}", timeout=2).read()
            info = found
        except (StopIteration, OSError, ValueError):
            time.sleep(0.1)
    try:
        assert info, f"JupyterLab did not start:\n{log.read_text()}"
        made = Lab(info["url"], token, root, log, home / "tried")
        yield made
        for kernel in made.dying:
            kernel.result()
        assert not made.running("kernels"), f"kernels that no test shut down, of {made.running('sessions')}"
    finally:
        for kind in (signal.SIGTERM, signal.SIGKILL):
            if server.poll() is None:
                os.killpg(server.pid, kind)
                try:
                    server.wait(20)
                except subprocess.TimeoutExpired:
                    continue


@pytest.fixture(scope="session")
def browser():
    """Start Debian's Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        started = p.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


def new_page(browser):
    """Return a new page of 1280 x 900, which notes its console's errors and its requests to other machines."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, device_scale_factor=1)
    opened = context.new_page()
    opened.console_errors, opened.left_the_machine = [], []
    opened.on("console", lambda m: opened.console_errors.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: opened.console_errors.append(str(error)))

    def check(sent):
        url = urllib.parse.urlsplit(sent.url)
        local = ("127.0.0.1", "localhost", "::1")
        if url.scheme not in ("data", "blob", "file", "about") and url.hostname not in local:
            opened.left_the_machine.append(sent.url)

    opened.on("request", check)
    return opened


def assert_clean(page):
    """Fail on what a page has noted since the last time: an error in its console, a request to another machine."""
    errors = [error for error in page.console_errors if not HARMLESS.search(error)]
    left = list(page.left_the_machine)
    page.console_errors.clear()
    page.left_the_machine.clear()
    assert not errors, f"errors in the browser's console: {errors[:5]}"
    assert not left, f"requests left this machine: {left[:5]}"


@pytest.fixture
def page(browser, request):
    """A new page. Fails the test on a console error or a request to another machine."""
    request.node.browser_page = opened = new_page(browser)
    yield opened
    opened.context.close()
    assert_clean(opened)


# What a widget's module needs of a page: its settings, and to hear of their changes. A page without a kernel has no more.
BARE = """async ({code, css, state}) => {
    const heard = new Set(), model = {
        get: name => state[name], save_changes: () => {}, on: (type, f) => heard.add(f), off: (type, f) => heard.delete(f),
        set: (name, value) => { if (state[name] !== value) { state[name] = value; heard.forEach(f => f()); } } };
    document.head.append(Object.assign(document.createElement('style'), {textContent: css}));
    document.body.innerHTML = '<div id="one"></div>';
    const module = await import(URL.createObjectURL(new Blob([code], {type: 'text/javascript'})));
    window.model = model; window.heard = heard;
    window.cleanup = module.default.render({model, el: document.getElementById('one')}); }"""


@pytest.fixture
def bare(page):
    """Show an explorer in an empty page: its module, its settings, and no kernel, no JupyterLab, no server; returns its locator.

    The page's model, heard and cleanup are what a test can look at: the settings, who listens to them, and the way to leave.
    """

    def show(explorer, selector):
        page.evaluate(
            BARE, {"code": explorer._esm, "css": explorer._css, "state": json.loads(json.dumps(explorer.get_state()))}
        )
        return page.locator(selector)

    return show


# The notebook that is open has its kernel. A predicate that returns a Promise would count as true at once: keep them synchronous.
READY = """() => { const w = window.jupyterapp?.shell?.currentWidget;
    return w?.sessionContext?.isReady && w.content?.model && w.sessionContext.session?.kernel?.status === 'idle'; }"""


class Notebook:
    """A notebook in JupyterLab, driven through the application object that --expose-app-in-browser gives."""

    shots = SHOTS

    def __init__(self, page, lab):
        self.page, self.lab, self.name, self.opened = page, lab, None, set()
        SHOTS.mkdir(exist_ok=True)

    def write(self, *cells, name=None):
        """Make a notebook of these code cells and remember its name."""
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        self.name = name or f"made-{secrets.token_hex(4)}.ipynb"
        nbformat.write(made, self.lab.root / self.name)
        return self

    def open(self, name=None, timeout=90_000):
        """Open it (or the file `name` below the lab's root) and wait for its kernel."""
        self.name = name or self.name
        self.opened.add(self.name)
        self.page.goto(
            f"{self.lab.url}lab/tree/{urllib.parse.quote(self.name)}?token={self.lab.token}&reset",
            wait_until="domcontentloaded",
        )
        self.page.wait_for_function(READY, timeout=timeout)
        return self

    def turn_to(self, name):
        """Open another notebook in the page that is there already, in the place of the one that it shows: without a start."""
        left, self.name = self.name, name
        self.opened.add(name)
        self.page.evaluate(
            """async path => { const { shell, commands } = window.jupyterapp, left = shell.currentWidget;
            await commands.execute('docmanager:open', {path});
            left.dispose(); }""",
            name,
        )
        self.page.wait_for_function(READY, timeout=90_000)
        self.lab.shut_down({left})
        return self

    def run_all(self, timeout=300_000, command="notebook:run-all-cells"):
        """Run all cells, or those that another command runs; returns when all have answered and the kernel is idle, or one has failed."""
        self.page.evaluate(
            """command => { window.runDone = false;
            window.jupyterapp.commands.execute(command).then(() => { window.runDone = true }); }""",
            command,
        )
        self.page.wait_for_function(
            """() => { const w = window.jupyterapp.shell.currentWidget;
            const code = [...w.content.model.cells].filter(c => c.type === 'code' && c.sharedModel.source.trim());
            return window.runDone && w.sessionContext.session.kernel.status === 'idle'
                && (!code.length || code[code.length - 1].executionCount !== null
                    || code.some(c => c.outputs.toJSON().some(o => o.output_type === 'error'))); }""",
            timeout=timeout,
        )
        return self

    def settle(self, quiet_ms=400, timeout=30_000):
        """Wait until the notebook has not changed for quiet_ms while its kernel is idle."""
        self.page.evaluate("""() => { const root = window.jupyterapp.shell.currentWidget.node;
            window.lastChange = performance.now(); window.watching?.disconnect();
            window.watching = new MutationObserver(() => { window.lastChange = performance.now() });
            window.watching.observe(root, {subtree: true, childList: true, attributes: true, attributeFilter: ['src', 'd', 'style']}); }""")
        self.page.wait_for_function(
            """quiet => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'
            && performance.now() - window.lastChange > quiet""",
            arg=quiet_ms,
            timeout=timeout,
        )
        return self

    def errors(self):
        """Return the errors in its outputs, as texts."""
        return self.page.evaluate("""() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
            .filter(c => c.type === 'code').flatMap(c => c.outputs.toJSON()).filter(o => o.output_type === 'error')
            .map(o => o.ename + ': ' + o.evalue)""")

    def kernel(self, code):
        """Run code in its kernel, outside its cells, once it has heard what was dragged, and return what it prints."""
        self.settle()  # a widget holds its next change back until the kernel has taken the last one
        return self.page.evaluate(
            """async code => { let text = '';
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({code, store_history: false});
            future.onIOPub = m => { if (m.header.msg_type === 'stream') text += m.content.text;
                                    if (m.header.msg_type === 'error') text += m.content.ename + ': ' + m.content.evalue; };
            await future.done; return text; }""",
            code,
        )

    def restart(self):
        """Restart its kernel, keeping the outputs, and wait for it."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        self.page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'",
            timeout=60_000,
        )
        return self

    def view(self, selector, index=0):
        """Return the locator of something in an output of the notebook that is open."""
        found = self.page.locator(f".jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea-output {selector}").nth(index)
        found.wait_for(timeout=60_000)
        return found

    def theme(self, name):
        """Change to "JupyterLab Light" or "JupyterLab Dark" and wait until it shows."""
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        self.page.wait_for_function(
            """name => document.body.dataset.jpThemeName === name
            && !document.querySelector('#jupyterlab-splash')""",
            arg=name,
            timeout=30_000,
        )
        return self


def leave(notebook):
    """Close the page of a Notebook, and shut the kernels of all that it opened down."""
    # A page that was only looked at may still be starting its kernel, which would then be nobody's.
    notebook.page.evaluate(
        """() => Promise.race([window.jupyterapp?.shell?.currentWidget?.sessionContext?.ready,
            new Promise(late => setTimeout(late, 10_000))])"""
    )
    notebook.page.goto("about:blank")  # first: a page would complain that its kernel went away
    notebook.lab.shut_down(notebook.opened)
    notebook.opened.clear()


@contextmanager
def shared(browser, lab):
    """Make a Notebook for several tests; at its end fail if its kernel, or JupyterLab, tried to reach another machine."""
    before, page = len(attempts(lab.tried)), new_page(browser)
    page.goto("about:blank")
    made = Notebook(page, lab)
    yield made
    leave(made)
    page.context.close()
    tried = attempts(lab.tried)[before:]
    assert not tried, f"a kernel, or JupyterLab, tried to reach the network: {tried[:5]}"


@pytest.fixture
def notebook(page, lab):
    """A Notebook in a new page; its kernel is shut down at the end. Fails the test if the kernel tried to reach another machine."""
    before = len(attempts(lab.tried))
    opened = Notebook(page, lab)
    yield opened
    leave(opened)
    tried = attempts(lab.tried)[before:]
    assert not tried, f"a kernel, or JupyterLab, tried to reach the network: {tried[:5]}"

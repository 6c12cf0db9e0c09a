"""How pytest runs the notebooks: strict on words and whole numbers, tolerant of the last digits of floats, network off.

What nbval compares: text/plain, text/markdown, text/latex, JSON and printed text. Never compared: pictures and HTML
(figures are tested on their data, and their alternative text is their text/plain), widget views, and stderr.
"""

import difflib
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from close_text import RELATIVE, CloseText
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile
from offline import attempts, environment

NOT_COMPARED = ("stderr", "image/svg+xml", "text/html", "application/vnd.jupyter.widget-view+json")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def execute(kernel, source, allow_stdin=None):
    # nbval runs cells without history, and there a trailing semicolon silences nothing.
    return kernel.kc.execute(source, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)


RunningKernel.execute_cell_input = execute


# nbval has no options for what follows, so each notebook and each cell is told after it is collected.

def pytest_collectstart(collector):
    if not isinstance(collector, IPyNbFile):
        return
    collector.skip_compare += NOT_COMPARED
    collector.first_error = None
    start, receive = collector.setup, collector.get_kernel_message

    def setup():
        collector.folder = tempfile.TemporaryDirectory()
        collector.log = Path(collector.folder.name, "attempts")
        before = dict(os.environ)
        os.environ.update(environment(collector.log))
        try:
            start()
        finally:
            os.environ.clear()
            os.environ.update(before)

    def message(timeout=None, stream="iopub"):
        # A display that is replaced in place keeps its text, so its later states need no comparing.
        while (found := receive(timeout, stream))["msg_type"] == "update_display_data":
            pass
        return found

    collector.setup, collector.get_kernel_message = setup, message


def pytest_itemcollected(item):
    if not isinstance(item, IPyNbCell):
        return
    item.output_timeout = 60
    sanitize = item.sanitize
    item.sanitize = lambda text: CloseText(sanitize(text)) if isinstance(text, str) else text

    def explain(key, stored, now):
        lines = difflib.unified_diff(str(stored).splitlines(), str(now).splitlines(), "stored in the notebook", "computed now", lineterm="")
        item.comparison_traceback += [f"{key} differs (floats may, by {RELATIVE}):", *lines]

    item.format_output_compare = explain


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if not isinstance(item, IPyNbCell):
        return
    if item.parent.first_error is not None:
        pytest.skip(f"cell {item.parent.first_error} raised an error")
    if item.cell.source.strip() and item.cell.execution_count is None:
        pytest.fail(f"cell {item.cell_num} was never run, so there is nothing to compare with: make notebooks", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    if not isinstance(item, IPyNbCell):
        return (yield)
    before = len(attempts(item.parent.log))
    error = result = None
    try:
        result = yield
    except Exception as raised:
        error = raised
    if error and str(error) != "Cell outputs differ":
        item.parent.first_error = item.cell_num
    if reached := attempts(item.parent.log)[before:]:
        item.raise_cell_error("Cell tried to reach the network", "\n".join(reached))
    if error:
        raise error
    return result


# The browser tests need Chromium. They share one JupyterLab, so one worker runs them all. So it does any other file, but for
# the solved notebooks, which take a minute each and share nothing.

def is_browser_test(nodeid):
    return nodeid.startswith("tests/browser/")


def pytest_collection_modifyitems(items):
    if CHROMIUM is None:
        for item in items:
            if is_browser_test(item.nodeid):
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class OneWorkerAFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            if nodeid.startswith("tests/test_solved.py"):
                return nodeid
            return "tests/browser" if is_browser_test(nodeid) else nodeid.split("::", 1)[0]

    return OneWorkerAFile(config, log)


def pytest_terminal_summary(terminalreporter):
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if is_browser_test(report.nodeid)]
    if CHROMIUM is None and skipped:
        terminalreporter.section("BROWSER TESTS SKIPPED", sep="!", red=True, bold=True)
        terminalreporter.line(f"{len(skipped)} tests were NOT run: they drive Chromium, and there is none on this machine.")
        terminalreporter.line("Install it (Debian, Ubuntu: apt install chromium), or name it: CHROMIUM=/path/to/chromium make test")


@pytest.fixture(scope="session")
def chromium():
    """The path of the browser."""
    return CHROMIUM

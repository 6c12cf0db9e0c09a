"""How pytest runs the notebooks, with the network off, and what it leaves out; stored_outputs.py compares, sharing.py shares out."""

import os
import signal
import tempfile
from pathlib import Path

import pytest
import sharing
import stored_outputs
from browser import CHROMIUM
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile
from offline import attempts, environment


def pytest_addoption(parser):
    parser.addoption(
        "--share",
        metavar="K/N",
        help="of the long tests run the K-th of N shares",
    )
    parser.addoption(
        "--shots",
        action="store_true",
        help="keep a picture of every explorer, on both themes and at both ends of its controls, in shots/",
    )


def pytest_configure(config):
    os.environ.setdefault("COURSE_PROGRESS", "off")  # what the tests solve is not the student's
    # A shell that starts something in the background has it ignore interrupts, as would then be the stop button of the tests.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def execute(kernel, source, allow_stdin=None):
    # nbval runs cells without history, and there a trailing semicolon silences nothing.
    return kernel.kc.execute(source, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)


RunningKernel.execute_cell_input = execute


# nbval has no options for what follows, so each notebook and each cell is told after it is collected.


def pytest_collectstart(collector):
    if not isinstance(collector, IPyNbFile):
        return
    stored_outputs.prepare(collector)
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
    if isinstance(item, IPyNbCell):
        item.output_timeout = 60
        stored_outputs.prepare_cell(item)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if not isinstance(item, IPyNbCell):
        return
    if item.parent.first_error is not None:
        pytest.skip(f"cell {item.parent.first_error} raised an error")
    if item.cell.source.strip() and item.cell.execution_count is None:
        pytest.fail(
            f"cell {item.cell_num} was never run, so there is nothing to compare with: make notebooks", pytrace=False
        )


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


def is_browser_test(nodeid):
    return nodeid.startswith("tests/browser/")


def pytest_collection_modifyitems(config, items):
    if part := config.getoption("share"):
        long = [item.nodeid for item in items if item.get_closest_marker("long")]
        left_out = {*long} - sharing.share(long, part)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
        items[:] = [item for item in items if item.nodeid not in left_out]
    for item in filter(lambda item: is_browser_test(item.nodeid), items):
        if CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))
        # A browser on a busy machine may be late: then, and only then, it is tried once more, and the report tells.
        item.add_marker(pytest.mark.flaky(reruns=1, only_rerun="TimeoutError"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class LongFirst(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return sharing.unit(nodeid)

        def _assign_work_unit(self, node):
            self.workqueue.move_to_end(sharing.next_of(self.workqueue), last=False)
            super()._assign_work_unit(node)

    return LongFirst(config, log)


def pytest_terminal_summary(terminalreporter):
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if is_browser_test(report.nodeid)]
    if CHROMIUM is None and skipped:
        terminalreporter.section("BROWSER TESTS SKIPPED", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"{len(skipped)} tests were NOT run: they drive Chromium, and there is none on this machine."
        )
        terminalreporter.line(
            "Install it (Debian, Ubuntu: apt install chromium), or name it: CHROMIUM=/path/to/chromium make test"
        )


@pytest.fixture(scope="session")
def chromium():
    """The path of the browser."""
    return CHROMIUM

"""A slow network between JupyterLab and its kernel: an explorer is answered late, and the last change holds."""

import asyncio
import contextlib
import threading
import urllib.parse

import pytest

from browser import explorers
from browser.conftest import Lab


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


@pytest.mark.long
def test_a_slow_network(slow, line):
    page, names = slow.page, ("CostExplorer", "PatchExplorer")  # small answers, and large ones
    slow.write(*(explorers.code(explorers.KINDS[name]) for name in names)).open().run_all()
    assert slow.errors() == []
    line.delay, line.rate = 0.4, 100_000
    began = page.evaluate("() => performance.now()")
    assert slow.kernel("print('far away')") == "far away\n"
    assert page.evaluate("() => performance.now()") - began > 800  # there and back again: the line is slow indeed
    for cell, name in enumerate(names):
        root = explorers.look(slow, cell)
        for _ in range(10):  # a drag: to and fro, faster than any answer comes; it ends where it did not begin
            before, after = explorers.change(root)
        assert root.get_attribute("data-waiting") is not None, name
        page.wait_for_function("r => r.dataset.waiting === undefined", arg=root.element_handle(), timeout=30_000)
        for later in (0, 1000):  # the latest position holds, and no answer to an earlier one comes after it
            page.wait_for_timeout(later)
            assert before != explorers.control(root) == after, name
    assert slow.errors() == []

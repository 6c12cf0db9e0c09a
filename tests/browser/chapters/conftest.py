"""One page of JupyterLab for what is tried of single explorers: each test puts its own cells into it."""

import pytest

from browser import explorers
from browser.conftest import assert_clean, shared


@pytest.fixture(scope="session")
def opened(browser, lab):
    with shared(browser, lab) as made:
        yield made


@pytest.fixture
def notebook(opened, request):
    """That page's Notebook. Fails the test on a console error or a request to another machine."""
    request.node.browser_page = opened.page
    opened.page.set_viewport_size({"width": 1280, "height": 900})
    yield opened
    assert_clean(opened.page)


@pytest.fixture
def shown(notebook):
    """Return a function that shows an explorer by the code that makes it, with more cells below; it returns what is drawn."""

    def show(kind, made="", *more):
        load = f"from {kind.__module__} import {kind.__name__}\n"
        return explorers.ran(notebook, f"{load}explorer = {made or kind.__name__ + '()'}\nexplorer", *more)

    return show

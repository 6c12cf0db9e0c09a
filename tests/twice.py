"""Every notebook run twice in a row in one kernel, as by "Run All" pressed again: make test-twice, or python tests/twice.py [03 05 …].

Both runs are compared with the stored outputs by the rules under which nbval runs the notebooks (stored_outputs.py), with the
network off. `make test` runs each notebook once, from a cold kernel. The second run takes minutes, so it is a command of its
own: pytest finds this file only where it is named.
"""

import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellControlSignal, DeadKernelError
from offline import attempts, environment
from stored_outputs import differences

from helpers.course.notebooks import find, run


def wrong(session, path):
    """Run a notebook twice in one kernel and return what is wrong, a list of texts that begin with the run and the cell.

    session: pytest's
    """
    stored = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    both = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell.source, metadata=cell.metadata) for cell in stored * 2]
    )
    found, error = [], None
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "attempts")
        try:
            run(both, path.parent, environment(log))
        except (CellControlSignal, DeadKernelError) as caught:  # it raised, took too long, or ended the kernel
            error = caught
        found += [f"tried to reach the network: {attempt}" for attempt in attempts(log)]
    ran = [i for i, cell in enumerate(both.cells) if cell.execution_count is not None]
    stopped = ran.pop() if error else None
    for k in (1, 2):
        # of what was not run there is nothing to say
        outputs = {
            cell.id: (both.cells[i] if i in ran else cell).outputs
            for i, cell in enumerate(stored, (k - 1) * len(stored))
        }
        found += [f"run {k}, cell {id}: {said}" for id, said in differences(session, path, outputs).items()]
    if error:
        k, i = divmod(stopped, len(stored))
        found.append(f"run {k + 1}, cell {stored[i].id}: the run ended here\n{error}")
    return found


@pytest.mark.parametrize("path", find(), ids=lambda path: path.stem)
def test_twice(request, path):
    found = wrong(request.session, path)
    if found:
        pytest.fail("\n\n".join(found), pytrace=False)


def main(chosen):
    tests = [f"{__file__}::test_twice[{path.stem}]" for path in find(chosen)]
    calm = [
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
    ]  # nbval, which stored_outputs needs, is imported before pytest begins
    return pytest.main(["-v", "--durations=0", "--durations-min=1", "-p", "no:cacheprovider", *calm, *tests])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

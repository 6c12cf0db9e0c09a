"""The benchmarks' own arithmetic: a wrong counter is seen as wrong, a chapter's cost is its kernel's, the page is never typed."""

import argparse
import json
import os
import subprocess
import sys

import nbformat
import pytest
import torch
from torch import nn

import benchmarks.__main__ as runner
from benchmarks import chapters, costs, explorers, layers, models, tables
from benchmarks.tables import Table, in_turn
from helpers.course.rooms import Room, rooms

ALEXNET = 714_188_480  # MACs; torchvision's page says 0.714 billion


# ---- counters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "count, truth, words",
    [
        (1000, 1000, "exact"),
        (1001, 1000, "+0.1 %"),
        (999, 1000, "-0.1 %"),
        (1960, 1000, "+96 %"),
        (10, 1000, "×0.01"),
        (0, 1000, "×0"),
        (4000, 1000, "×4"),
        (None, 1000, "fails"),
        (10**12 + 1, 10**12, "+1e-10 %"),
    ],
)
def test_a_verdict_is_exact_only_where_it_is(count, truth, words):
    assert costs.verdict(count, truth) == words


def test_a_counter_is_summed_up():
    truths = {"a": 1000, "b": 1000, "c": 1000, "d": 1000, "e": 1000}
    found = costs.exactness({"a": 1000, "b": 1009, "c": 20, "d": None, "e": 1011}, truths)
    assert found == {"exact": 1, "within 1 %": 1, "further off": 2, "failed": 1, "worst": "×0.02 (c)"}
    assert costs.exactness(truths, truths)["worst"] == "–" and costs.exactness(truths, truths)["exact"] == 5
    none = costs.exactness(dict.fromkeys(truths), truths)
    assert none == {"exact": 0, "within 1 %": 0, "further off": 0, "failed": 5, "worst": "–"}


def raises(model, shape):
    print("a great deal")
    raise RuntimeError("cannot")


def test_a_wrong_counter_is_seen_as_wrong(monkeypatch, capsys):
    """Beside ours and torch's: one that misses the last layer, one that adds one, one that fails, one that is right."""
    wrong = {
        "misses": lambda model, shape: costs.ours(model, shape) - 4096 * 1000,
        "adds one": lambda model, shape: costs.ours(model, shape) + 1,
        "fails": raises,
        "right": costs.ours,
    }
    monkeypatch.setattr(
        costs,
        "COUNTERS",
        {name: costs.COUNTERS[name] for name in ("our cost table", "torch's FlopCounterMode")}
        | {name: (function, "torch") for name, function in wrong.items()},
    )
    monkeypatch.setattr(costs, "QUICK", ["alexnet"])
    monkeypatch.setattr(costs, "ON_CPU", ("right",))
    summary, each = costs.over_models(quick=True)
    found = {row[0]: row[1:6] for row in summary.rows}
    right = ["1", "0", "0", "0", "–"]
    assert found["our cost table"] == found["torch's FlopCounterMode"] == found["right"] == right
    assert found["misses"] == ["0", "1", "0", "0", "-0.57 % (alexnet)"]
    assert found["adds one"][:2] == ["0", "1"] and found["fails"] == ["0", "0", "0", "1", "–"]
    assert each.rows[0][:4] == ["alexnet", f"{ALEXNET:,}", "exact", "exact"] and "fails" in each.rows[0]
    assert "agrees with 1 of them" in summary.notes[0]
    assert capsys.readouterr().out == ""


def test_a_missing_tool_is_said_and_skipped(monkeypatch):
    monkeypatch.setattr(
        costs,
        "COUNTERS",
        {name: (function, needs and f"no_{needs}") for name, (function, needs) in costs.COUNTERS.items()},
    )
    here, missing = costs.installed()
    assert list(here) == ["our cost table", "torch's FlopCounterMode"]
    monkeypatch.setattr(costs, "QUICK", ["alexnet"])
    summary = next(costs.over_models(quick=True))
    assert "Not installed here, so left out: fvcore, torchinfo, ptflops, pytorch, ptflops, aten." in summary.notes
    assert [row[0] for row in summary.rows] == [*here, "a bare forward pass on meta"]


def test_published_numbers_are_the_second_witness():
    assert costs.published("alexnet", ALEXNET) is True
    assert costs.published("alexnet", ALEXNET + 10**6) is False
    assert costs.published("efficientnet_b4", 1) is None  # published for 380 pixels


@pytest.mark.parametrize("what, make, shape, truth", costs.OPERATORS, ids=[row[0] for row in costs.OPERATORS])
def test_ours_counts_each_operator_or_names_it(what, make, shape, truth):
    with torch.device("meta"):
        found = costs.seen("our cost table", costs.ours, make().eval(), shape, truth)
    assert found == "0" if what == "(a * b).sum(-1)" else found == "exact" or found.startswith("names ")
    model, x = make().eval(), torch.rand(shape)  # it is a real operator, with these shapes
    with torch.no_grad():
        for buffer in model.buffers():
            buffer.copy_(torch.rand(buffer.shape))
        assert model(x) is not None


def test_what_torchs_counter_does_not_see_is_shown_as_a_number():
    (table,) = costs.over_operators(quick=True)
    torchs = table.columns.index("torch's FlopCounterMode")
    found = {row[0]: (row[1], row[2], row[torchs]) for row in table.rows}
    assert found["torch.matmul"] == ("60", "exact", "exact")
    assert found["matrix @ vector"] == ("12", "exact", "0") and found["nn.Bilinear"] == ("288", "exact", "0")


# ---- time and layers --------------------------------------------------------------------------------------------------


def test_runs_are_taken_in_turn():
    log, now = [], iter(range(100))
    times = in_turn([lambda: log.append("a"), lambda: log.append("b")], 2, clock=lambda: next(now))
    assert log == ["a", "b"] * 3 and times == [[1, 1], [1, 1]]  # the first pair warms up
    assert in_turn([lambda: None], 1, clock=lambda: next(now), warm_up=False) == [[1]]


def test_layers_that_are_compared_give_the_same():
    """Every pair, forward; modules with the same weights."""
    pairs = []

    def check(what, ours, theirs, inputs, options, modules=()):
        if modules:
            theirs.load_state_dict(ours.state_dict())
        torch.testing.assert_close(ours(*inputs), theirs(*inputs), rtol=1e-3, atol=1e-4)
        pairs.append(what.split(" (")[0])
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers, "compare", check)
        torch.manual_seed(0)
        list(layers.against_torch(argparse.Namespace(quick=False, device=torch.device("cpu"))))
    assert set(pairs) == {
        "conv",
        "max pool",
        "avg pool",
        "batch norm",
        "layer norm",
        "RNN",
        "LSTM",
        "GRU",
        "attention",
        "multi-head attention",
    }


def test_loops_and_fast_forms_that_are_compared_give_the_same(monkeypatch):
    found = []

    def check(loops, fast, options, repeats):
        torch.testing.assert_close(loops(), fast(), rtol=1e-3, atol=1e-4)
        found.append(repeats)
        return []

    monkeypatch.setattr(layers, "timed", check)
    rows = list(layers.against_naive(argparse.Namespace(quick=True)))
    assert len(found) == len(rows) == 5 and rows[-1] == ["attention (1, 1, 4, 8)", "forward"]


# ---- chapters ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="this system does not tell what a process took")
def test_a_chapter_takes_what_its_kernel_takes(tmp_path):
    def notebook(*cells):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
        return path

    kernel, whole = chapters.plain(
        notebook("held = b'x' * (600 * 2**20)", "import time\nwhile time.process_time() < 2: pass")
    )
    assert 600 < kernel["memory"] < 1000 and kernel["cpu"] >= 2 and kernel["wall"] < whole.wall and whole.good
    kernel, whole = chapters.plain(notebook("1 / 0"))
    assert kernel is None and not whole.good


# ---- explorers --------------------------------------------------------------------------------------------------------


def test_every_explorer_is_measured():
    there = [kind for room in rooms() for kind in room.explorers]
    assert len(explorers.CASES) == len(there)
    for kind in there:
        shown = [case["shown"].splitlines() for case in explorers.CASES.values()]
        assert any(line[0] == f"from {kind.__module__} import {kind.__name__}" for line in shown), kind


def test_an_explorer_without_a_case_is_measured_alone(monkeypatch):
    monkeypatch.setattr(Room, "load", lambda room, name, load=Room.load: None if name == "bench" else load(room, name))
    found = explorers.cases()
    assert len(found) == len(explorers.CASES) and all(case["plain"] == "" for case in found.values())
    assert explorers.as_row("new", (12.34, 30), None) == ["new", "12.3", "–", "–", "30.0", "–", "–"]


def test_a_list_has_no_updates_and_no_ratio_of_them():
    assert explorers.as_row("list", (10, None), (200, 2)) == ["list", "10.0", "200", "×20.0", "–", "2.0", "–"]


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name, case in explorers.CASES.items() if case["plain"]])
def test_an_explorer_stands_beside_an_interact_that_draws(name, monkeypatch):
    """Both cells run; the plain one draws another picture for each of two values, from the first to the last of its slider."""
    import ipywidgets
    from matplotlib import pyplot as plt

    explorer, plain = explorers.CASES[name]["shown"], explorers.CASES[name]["plain"]
    drawn, found = [], []

    def draw():
        canvas = plt.gcf().canvas
        canvas.draw()
        drawn.append(bytes(canvas.buffer_rgba()))
        plt.close("all")

    def interact(**sliders):
        ((argument, given),) = sliders.items()

        def keep(show):
            found.append((show, argument, given))
            return show

        return keep

    plt.switch_backend("agg")
    monkeypatch.setattr(plt, "show", draw)
    monkeypatch.setattr(ipywidgets, "interact", interact)
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)
    space = {"__name__": "cell"}
    exec(explorer, space)
    exec(plain, space)
    ((show, argument, (low, high, *_)),) = found
    for value in (low, high):
        show(**{argument: value})
    show()
    assert len(drawn) == 3 and drawn[0] != drawn[1]


# ---- the page -------------------------------------------------------------------------------------------------------


def test_the_stored_page_is_what_the_measurements_say():
    """It is written by `make measured`, never typed; and it bears out what the course claims."""
    if not runner.KEPT.exists():
        pytest.skip("nothing measured yet: make measured")
    kept = json.loads(runner.KEPT.read_text(encoding="utf-8"))
    assert runner.PAGE.read_text(encoding="utf-8") == runner.render(kept)
    if "costs" in kept:
        summary, each, large = (Table(**table) for table in kept["costs"]["cpu"]["tables"][:3])
        ours = dict(zip(summary.columns, next(row for row in summary.rows if row[0] == "our cost table")))
        assert ours["exact"] == str(len(each.rows)) and len(each.rows) >= 80 and float(ours["of the bare pass"]) < 0.5
        model = dict(zip(large.columns, large.rows[-2]))
        assert float(model["build/s"]) + float(model["count/s"]) < 0.5 and float(model["extra memory/MiB"]) < 100
    if "chapters" in kept:
        rows = kept["chapters"]["cpu"]["tables"][0]["rows"]
        assert [row for row in rows[:-1] if row[-1] != "kept"] == []


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--quick", "--write"], "--quick measures too little to be written: leave one out"),
        (["cost"], "NAME (='cost') must be one of costs, models, layers"),
    ],
)
def test_the_runner_refuses(arguments, message):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=tables.ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and message in done.stderr


def test_each_benchmark_has_a_place_on_the_page():
    assert set(runner.TITLES) == {path.stem for path in (tables.ROOT / "benchmarks").glob("[a-z]*.py")} - {"tables"}
    assert set(runner.ON_GPU) <= set(runner.TITLES)


# ---- models that people bring


def test_a_model_is_counted_by_hand_by_torch_and_by_us_and_what_is_not_built_or_refused_is_said():
    class Lost(nn.Module):
        def forward(self, x):
            return self.layer(x)

    def source():
        with_name = {"input_shape": (2, 3)}
        yield "linear", lambda: nn.Linear(3, 4), with_name
        yield "upsample", lambda: nn.Upsample(scale_factor=2, mode="bilinear"), {"input_shape": (1, 3, 4, 4)}
        yield "lost", Lost, with_name
        yield "never", lambda: nn.Linear(-1.5, 4), with_name

    found = models.count_all(source, quick=False)
    assert found["linear"]["ours"] == found["linear"]["torch"] == 2 * 3 * 4
    row, others = models.summed("here", found)
    assert row[:9] == ["here", "4", *(str(n) for n in (1, 1, 0, 0, 1, 1, 0))]
    assert [line[1] for line in others] == ["upsample", "lost", "never"]
    assert "layer" in others[1][-1] and others[2][-1].startswith("not built on meta: ")


def test_a_count_that_is_short_or_names_something_is_not_the_same():
    def one(ours, torch, *named):
        return {"ours": ours, "torch": torch, "named": named, "said": "", "seconds": (1.0, 8.0, 2.0)}

    row, others = models.summed("here", {"a": one(5, 5), "b": one(4, 5), "c": one(5, 5, "aten.foo"), "d": one(6, 5)})
    assert row[2:6] == ["1", "1", "1", "1"] and row[12] == "1/8.0"
    assert [line[1] for line in others] == ["b", "c", "d"] and others[1][-1] == "not counted: aten.foo"

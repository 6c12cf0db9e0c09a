"""What holds for every explorer, as the kernel knows it: what it sends to a browser, and what it shows where there is none.

Explorers are found in the chapters' rooms: a new one is covered as soon as it is there. What they do in a browser:
browser/test_explorers_contract.py. What only one does: chapters/.
"""

import base64
import inspect
import io
import json
import re

import ipywidgets
import numpy as np
import pytest
from driven import KINDS, PANELS, ask, attributes, change, controls, dice, shown
from ipywidgets.embed import embed_data
from leftovers import bytes_kept, those_that_import_pyplot
from PIL import Image

from helpers.course.explorers import ground, panel, widgets
from helpers.plots import figure


def decode(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


EVERY = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
EVERY_PANEL = pytest.mark.parametrize("kind", PANELS, ids=lambda kind: kind.__name__)

# ---- every explorer


def test_there_are_explorers():
    assert len(KINDS) >= 12 and len(PANELS) >= 9


@EVERY
def test_its_display_is_live_still_and_the_same_every_time(kind):
    one, two = (kind()._repr_mimebundle_() for _ in range(2))
    assert one[0]["text/plain"] == two[0]["text/plain"] == one[1]["image/png"]["alt"] == repr(kind())
    assert len(one[0]["text/plain"].split()) > 5
    assert one[0]["image/png"] == two[0]["image/png"] and len(one[0]["image/png"]) < 110_000
    views = [found[0]["application/vnd.jupyter.widget-view+json"]["model_id"] for found in (one, two)]
    assert views[0] != views[1]


@EVERY
def test_a_page_without_a_kernel_gets_all_of_it(kind):
    explorer = kind()
    embedded = embed_data(views=[explorer])["manager_state"]["state"][explorer.model_id]["state"]
    assert embedded["_esm"].strip() and embedded["_css"].strip()
    assert embedded.keys() == explorer.get_state().keys()
    assert len(json.dumps(explorer.get_state(), allow_nan=False)) < 400_000


@EVERY
def test_its_module_and_its_style_name_no_address_and_import_nothing(kind):
    for text in (kind._esm.replace('"http://www.w3.org/2000/svg"', ""), kind._css):  # a name, not an address
        assert not re.search(r"https?:|//cdn|\bimport\b\s*[({\"']|url\(", str(text))


@EVERY
def test_its_module_is_short_enough_to_be_read(kind):
    assert len(inspect.getsource(inspect.getmodule(kind)).splitlines()) <= 450


def test_none_touches_pyplot():
    """Callbacks run beside the main thread, and pyplot's list of open figures is not made for that."""
    changes = {kind: change(kind(), dice()) for kind in PANELS}
    moves = [(kind.__module__, kind.__name__, *changes.get(kind, (None, None))) for kind in KINDS]
    assert those_that_import_pyplot(moves) == []


# ---- every explorer that the kernel computes


@EVERY_PANEL
def test_every_control_has_a_label_and_a_value_and_every_part_a_place(kind):
    explorer = kind()
    page = shown(explorer)
    found = [attributes(tag) for tag in re.findall(r"<(?:input|select|button)[^>]*>", page)]
    assert found and all(control["aria-label"] for control in found)
    assert len({control["aria-label"] for control in found}) == len(found), "two controls have one label"
    names = {control["data-set"] for control in found if control.get("type") != "button"}
    assert names <= set(explorer.values) <= {control.get("data-set") for control in found}
    places = set(re.findall(r'data-part="([^"]+)"', page))
    assert places == {*explorer.fixed, *explorer.parts, "failed"} - {"frame"}
    images = re.findall(r"<img[^>]*>", page) + re.findall(r'<svg(?![^>]*aria-hidden)[^>]*viewBox="0 0[^>]*>', page)
    assert all("alt=" in image or 'role="img" aria-label="' in image for image in images)


@EVERY_PANEL
def test_any_change_is_answered_and_shown(kind):
    explorer, draw, seen = kind(), dice(), set()
    for _ in range(60):
        name, value = change(explorer, draw)
        ask(explorer, (name, value))
        assert "failed" not in explorer.parts, explorer.parts["failed"]
        assert explorer.parts.keys() - {"failed"} and repr(explorer) == " ".join(explorer.alt.split())
        assert len(json.dumps({"parts": explorer.parts, "values": explorer.values}, allow_nan=False)) < 90_000
        seen.add(json.dumps(explorer.parts))
    assert len(seen) > 2
    assert explorer._repr_mimebundle_()[0]["image/png"]


@EVERY_PANEL
def test_each_control_changes_what_is_shown(kind):
    for name, values in controls(kind()):
        explorer, some = kind(), [values[0], values[len(values) // 2], values[-1]]
        if len(values) > 1:
            seen = {json.dumps([ask(explorer, (name, value)).parts, explorer.fixed]) for value in some}
            assert len(seen) > 1, name


@EVERY_PANEL
def test_what_is_answered_is_not_done_again(kind):
    explorer, draw = kind(), dice(3)
    wanted = [[i + 1, *change(explorer, draw)] for i in range(4)]
    explorer.wanted = wanted
    before = (dict(explorer.parts), dict(explorer.values))
    explorer.wanted = wanted[::-1]
    assert (explorer.parts, explorer.values) == before and explorer.answered == 4


@EVERY_PANEL
def test_no_exception_jams_it(kind, monkeypatch):
    """The page says what happened and what to do; the change after it is heard, and takes the message away."""

    def broken(self, *given):
        raise RuntimeError("a <b>bug</b>")

    explorer = kind()
    name, values = next((name, values) for name, values in controls(explorer) if len(values) > 1)
    for method in ("hear", "refresh"):
        with monkeypatch.context() as patched:
            patched.setattr(kind, method, broken)
            ask(explorer, (name, values[-1]), (name, values[0]))
        said = explorer.parts["failed"]
        assert "RuntimeError: a &lt;b&gt;bug&lt;/b&gt;" in said and name in said and "run the cell again" in said
        ask(explorer, (name, values[-1]))
        assert "failed" not in explorer.parts
    assert explorer.parts == ask(kind(), (name, values[-1])).parts
    assert 'data-part="failed"' in explorer.fixed["frame"]


@pytest.mark.long
@EVERY_PANEL
def test_changes_leave_no_memory_behind(kind):
    explorer, draw = kind(), dice()
    rounds = [change(explorer, draw) for _ in range(20)]

    def move(times):
        for _ in range(times):
            for each in rounds:
                explorer.wanted = [[explorer.answered + 1, *each]]

    assert bytes_kept(move, before=2, times=2) < 2**20


def test_the_panel_asks_its_explorer():
    for ask_for in (lambda: panel.Panel().hear("size", 1), panel.Panel().refresh):
        with pytest.raises(NotImplementedError):
            ask_for()


# ---- what several rooms share


def test_words_in_a_template_stay_words(tmp_path):
    (tmp_path / "explorer.html").write_text('{{ late }}{{ slider("a", "the <a>", 1, 3) }}{{ word }}')
    made = widgets.page(tmp_path / "explorer.py", word="<b>")
    assert panel.LATE in made and 'aria-label="the &lt;a&gt;"' in made and made.endswith("&lt;b&gt;")


@pytest.mark.parametrize("value, snapped", [(3, 5), (999, 25), (12, 13), (13, 13), (14, 15), (15, 15)])
def test_values_between_the_steps_go_to_the_nearest(value, snapped):
    assert widgets.snap(value, 5, 25, 2) == snapped


@pytest.mark.parametrize(
    "value, small, written",
    [(0.00075, 2, "0.00075"), (0.004, 1, "0.004"), (0.21, 1, "0.21"), (0.0512, 3, "0.0512"), (1.0002, 1, "1.00")]
    + [(21.9, 1, "21.9"), (99.96, 1, "100"), (1839.5, 1, "1,840")],
)
def test_ratios_are_written_in_few_digits(value, small, written):
    assert widgets.ratio(value, small) == written


@pytest.mark.parametrize(
    "value, written, short",
    [(576, "576 bytes", "576 bytes"), (1024, "1.0 KiB", "1.0 KiB"), (22_354_176, "21.3 MiB", "21.3 MiB")]
    + [(192 * 2**20, "192.0 MiB", "192 MiB"), (549_822_924_800, "512.1 GiB", "512 GiB")],
)
def test_memory_is_written_in_its_unit(value, written, short):
    assert (widgets.in_bytes(value), widgets.in_bytes(value, short=True)) == (written, short)


def test_powers_are_raised():
    assert widgets.scientific(4.13e-7, 1, "·") == "4.1·10⁻⁷" and widgets.scientific(36768468716.9) == "4 × 10¹⁰"


@pytest.mark.parametrize(
    "part, tiny, written",
    [(0.949, 0.001, "94.9 %"), (0.0004, 0.001, "< 0.1 %"), (0.004, 0.01, "< 1 %"), (0.126, 0.01, "13 %")],
)
def test_shares_are_written_in_percent(part, tiny, written):
    assert widgets.percent(part, tiny) == written


def test_a_chart_places_numbers_by_their_logarithm_or_as_they_are():
    drawn = widgets.Chart(200, 100, (0, 10), (1e-2, 1e2), left=50, right=10, top=5, bottom=25)
    assert [drawn.across(x) for x in (0, 5, 10)] == [50, 120, 190]
    assert [drawn.up(y) for y in (1e-2, 1, 1e2)] == pytest.approx([75, 40, 5])
    both = widgets.Chart(200, 100, (1, 100), (1e-2, 1e2), left=50, right=10, log="xy")
    assert both.across(10) == pytest.approx(120)
    drawn.rows((1,), "<{}>".format)
    assert "&lt;1&gt;" in drawn.svg("a <b>") and 'aria-label="a &lt;b&gt;"' in drawn.svg("a <b>")


# ---- the shared ground


def test_a_pixel_png_has_one_pixel_a_cell():
    pixels = decode(ground.pixel_png([[0, 1, 2], [2, 1, 0]]))
    assert pixels.shape == (2, 3, 3)
    assert pixels[0, 0].tolist() == [0, 0, 0] and pixels[0, 2].tolist() == [255, 255, 255]
    assert abs(int(pixels[0, 1, 0]) - 128) <= 1


def test_a_signed_pixel_png_is_white_at_zero_blue_below_orange_above():
    below, zero, above = decode(ground.pixel_png([[-1, 0, 0.5]], cmap="signed"))[0].astype(int)
    assert zero.min() >= 252
    assert below[2] > below[0] and above[0] > above[2]
    same = decode(ground.pixel_png([[0, 0]], cmap="signed"))
    assert same.min() >= 252, "an array of zeros is white, not the darkest blue"


def test_a_pixel_png_keeps_given_limits_and_colours():
    assert decode(ground.pixel_png([[5.0]], vmin=0, vmax=10))[0, 0, 0] in (127, 128)
    assert decode(ground.pixel_png([[[1.0, 0.0, 2.0]]]))[0, 0].tolist() == [255, 0, 255]


@pytest.mark.parametrize(
    "array, message",
    [
        (np.zeros(3), r"shape \(3,\)"),
        (np.zeros((0, 3)), "not empty"),
        (np.zeros((2, 2, 4)), r"\(H, W, 3\)"),
        ([[np.nan]], "finite"),
    ],
)
def test_a_pixel_png_says_what_it_needs(array, message):
    with pytest.raises(ValueError, match=message):
        ground.pixel_png(array)


def test_an_html_image_carries_its_words_and_its_picture():
    text = ground.html_image(ground.pixel_png([[0, 1]]), 'a "dark" cell & a light one', width=200)
    assert 'alt="a &quot;dark&quot; cell &amp; a light one"' in text and "width:200px" in text and "pixelated" in text
    assert decode(base64.b64decode(re.search(r"base64,([^\"]+)", text)[1])).shape == (1, 2, 3)
    assert "pixelated" not in ground.html_image(ground.pixel_png([[0]]), "a cell", pixelated=False)
    with pytest.raises(ValueError, match="alt"):
        ground.html_image(b"", "  ")


def test_a_problem_is_spoken_and_escaped():
    assert ground.problem("") == ""
    assert 'role="alert"' in ground.problem("K < 3") and "K &lt; 3" in ground.problem("K < 3")


class Box(ground.Still, ipywidgets.VBox):
    alt = "a box\n with   a line"

    def still(self):
        fig, ax = figure(width=3, height=2)
        ax.plot([0, 1])
        return fig


class Cells(Box):
    def still(self):
        return ground.pixel_png([[0, 1]])


@pytest.mark.parametrize("kind", [Box, Cells])
def test_a_still_gives_any_widget_a_picture_and_a_fixed_text(kind):
    data, metadata = kind()._repr_mimebundle_()
    assert data["text/plain"] == "a box with a line" == metadata["image/png"]["alt"]
    assert "application/vnd.jupyter.widget-view+json" in data
    assert decode(base64.b64decode(data["image/png"])).ndim == 3

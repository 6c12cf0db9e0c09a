"""The microscope: a trained network looks at a picture, your own too. Move, blur or cover it; see its maps, how far a unit looks, and why."""

import html
import io

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from helpers import plots
from helpers.chapters.ch00_start_here.microscope import (
    PLACES,
    SQUARE,
    changed,
    field,
    grad_cam,
    look,
    middle_share,
    network,
    occlusion_row,
    unit_gradient,
)
from helpers.checks import check_choice, whole
from helpers.course.explorers.ground import data_uri, html_image, pixel_png
from helpers.course.explorers.panel import Panel, button
from helpers.course.explorers.pictures import Gallery
from helpers.course.explorers.widgets import jpeg_uri, page, placed, style
from helpers.models import class_names
from helpers.models.efficientnet import SIDE

PICTURE, MAP, FIELD, WHY = VIEWS = ("the picture", "one of its maps", "how far a unit looks", "why this class")
# name: (lowest, highest, step, where nothing is changed, label)
TOOLS = {
    "right": (-112, 112, 1, 0, "move right, in pixels"),
    "down": (-112, 112, 1, 0, "move down, in pixels"),
    "zoom": (40, 300, 10, 100, "zoom, in percent"),
    "turn": (-180, 180, 5, 0, "turn clockwise, in degrees"),
    "blur": (0, 12, 1, 0, "blur, standard deviation in pixels"),
    "noise": (0, 50, 1, 0, "noise, standard deviation in percent"),
    "cover": (0, 160, 4, 0, "side of the grey square, in pixels"),
    "column": (0, SIDE - 1, 1, SIDE // 2, "column of the square's middle, or of the unit"),
    "row": (0, SIDE - 1, 1, SIDE // 2, "row of the square's middle, or of the unit"),
}
SHOWN, MOST = 5, 8  # classes, and maps
LAST, LATE_ENOUGH = 17, 12  # layers; from the second on Grad-CAM says something


def layer_name(net, layer):
    """Return what a layer is: "block 4, 5×5"."""
    kernel = max(each.kernel_size[0] for each in net.features[layer].modules() if isinstance(each, torch.nn.Conv2d))
    return f"block {layer}, {kernel}×{kernel}" if 0 < layer < LAST else f"convolution {kernel}×{kernel}"


def percent(p):
    return f"{100 * p:.0f} %" if p >= 0.0995 else f"{100 * p:.1f} %"


def laid_over(values, limit=None):
    """Return a PNG to be laid over the picture, as an HTML image: orange above zero, blue below, clear at zero.

    values: (h, w);  limit: the value of the full colour; None for the largest
    """
    values = np.asarray(values, dtype=float)
    share = (values / (limit or np.abs(values).max() or 1.0)).clip(-1, 1)
    image, buffer = Image.fromarray((127 * share + 127.5).astype(np.uint8), "L"), io.BytesIO()
    image.putpalette(PALETTE, "RGBA")
    image.save(buffer, "png", compress_level=1)
    return f'<img alt="" src="{data_uri(buffer.getvalue())}" style="inset:0;width:100%;height:100%">'


def palette():
    """Return 256 colours as bytes: blue, clear in the middle, orange."""
    share = np.linspace(-1, 1, 255)[np.r_[:255, 254]]
    colours = plots.SIGNED(0.5 + share / 2)
    colours[:, 3] = 0.8 * np.abs(share) ** 0.6
    return (colours * 255).round().astype(np.uint8).tobytes()


PALETTE = palette()


class MicroscopeExplorer(Panel):
    """Look through EfficientNet-Lite0, trained on ImageNet, at a picture. The last line of a cell displays it.

    picture: a shipped photograph or one's own, whatever data.photograph takes
    view:    "the picture", "one of its maps", "how far a unit looks" or "why this class"
    layer:   whose maps are shown, 0 to 17
    tools:   right, down (pixels), zoom (percent), turn (degrees), blur (pixels), noise (percent), cover (pixels), and column and
             row, the place of the grey square and of the unit (pixels): as in TOOLS
    raises:  ValueError that names the argument; FileNotFoundError where the network's weights are missing

    The attributes follow what is done in the browser. seen() returns the picture as the network takes it, most_probable() the
    bars, occlusion() the whole occlusion map at once.
    """

    _css = style(__file__)

    def __init__(self, picture="cat", view=PICTURE, layer=4, **tools):
        super().__init__()
        self.gallery, self.net, self.names = Gallery(picture), network(), class_names()
        self.view, self.layer = check_choice("view", view, VIEWS), whole("layer", layer, 0, LAST)
        self.tools = {name: start for name, (_, _, _, start, _) in TOOLS.items()}
        for name, value in tools.items():
            low, high, *_ = TOOLS[check_choice("tools", name, TOOLS)]
            self.tools[name] = whole(name, value, low, high)
        self.target = self.map = None  # the most probable class, the most active map
        self._key, self._asked, self._rows, self._untouched = None, None, [], {}
        self.refresh()

    # What Python reads

    def seen(self):
        """Return the picture as the network takes it: (3, 224, 224), from 0 to 1."""
        tools = {name: value for name, value in self.tools.items() if name not in ("column", "row")}
        return changed(self.gallery.now.at(SIDE), **tools, x=self._at("column"), y=self._at("row"))

    def most_probable(self, k=SHOWN):
        """Return [(class name, probability)] of the most probable classes."""
        found, classes = self.probabilities.topk(k)
        return [(self.names[i], p) for i, p in zip(classes.tolist(), found.tolist())]

    @property
    def picture(self):
        """The name of the photograph."""
        return self.gallery.now.name

    def occlusion(self):
        """Return by how much the class's probability falls where a grey square hides the picture: (7, 7)."""
        while len(self._rows) < PLACES:
            self._hide()
        return torch.stack(self._rows)

    def _at(self, name):
        return (self.tools[name] + 0.5) / SIDE

    # What the browser asks

    def hear(self, name, value):
        if name in TOOLS:
            self.tools[name] = max(TOOLS[name][0], min(TOOLS[name][1], int(value)))
        elif name in ("x", "y"):
            self.tools["column" if name == "x" else "row"] = min(SIDE - 1, int(value * SIDE))
            if self.view == PICTURE and not self.tools["cover"]:
                self.tools["cover"] = SQUARE
        elif name == "view":
            self.view = check_choice("view", value, VIEWS)
            if value == WHY and self.layer < LATE_ENOUGH:
                self.layer, self.map = LAST, None
        elif name == "layer":
            self.layer, self.map = whole("layer", value, 0, LAST), None
        elif name == "map":
            self.map = int(value)
        elif name == "class":
            self.target = None if value == self.target else int(value)
        elif value == "reset":
            self.tools = {each: start for each, (_, _, _, start, _) in TOOLS.items()}
            self.target = None
        elif name == "again" or value == "hide":
            self._hide()

    def _as_at_first(self):
        return all(self.tools[name] == start for name, (_, _, _, start, _) in TOOLS.items()) and self.target is None

    def _hide(self):
        """Measure the next row of the occlusion map."""
        self._look()
        if len(self._rows) < PLACES:
            self._rows.append(occlusion_row(self.net, self._seen, self.class_now, len(self._rows)))

    # What is shown

    @property
    def class_now(self):
        """The class that is asked about: the most probable, or the one that was chosen."""
        return int(self.probabilities.argmax()) if self.target is None else self.target

    def _look(self):
        """Let the network look, where anything has changed since it did."""
        now = self.gallery.now
        key = (now, self.layer, *self.tools.values())
        if key != self._key:
            self._key, self._seen = key, self.seen()
            found, self.output = look(self.net, self._seen, self.layer)
            self.probabilities = found[0]
        if now not in self._untouched:
            self.target = None  # a class is chosen for one picture
            self._untouched = {now: look(self.net, now.at(SIDE))[0][0]}
        asked = (now, self.class_now, *self.tools.values())
        if asked != self._asked:
            self._asked, self._rows = asked, []

    def refresh(self):
        self._look()
        active = self.output[0].abs().mean((1, 2)).argsort(descending=True)[:MOST].tolist()
        self.shown = active[0] if self.map is None else min(self.map, self.output.shape[1] - 1)
        pixels = (self._seen * 255).round().byte().permute(1, 2, 0).numpy()
        over, words = getattr(self, "_" + ("picture", "map", "field", "why")[VIEWS.index(self.view)])()
        C, h, w = self.output.shape[1:]
        self.fixed = {"frame": FRAME, **self.pictures()}
        self.parts = {
            "photo": f'<img alt="" src="{jpeg_uri(pixels, 38 if self.tools["noise"] else 82)}" style="inset:0;width:100%;height:100%">',
            "over": f'<div role="img" aria-label="{html.escape(self.alt)}">{over}</div>',
            "bars": self._bars(),
            "undo": button("do", "reset", "undo all", "undo all changes", "reset", self._as_at_first()),
            "layer": f"<b>{layer_name(self.net, self.layer)}</b>: {C:,} maps of {h} × {w}",
            "below": self._beside() if self.view == WHY else self._maps(active),
            "words": words,
        }
        self.values = {"view": self.view, "layer": self.layer, "map": self.shown, "class": self.class_now, **self.tools}
        self.values = {**self.values, "picture": self.picture}

    def _bars(self):
        rows, before = [], self._untouched[self.gallery.now]
        for rank, i in enumerate(self.probabilities.topk(SHOWN)[1].tolist()):
            name, p, was = self.names[i], self.probabilities[i].item(), before[i].item()
            inside = (
                f'<i style="width:{100 * p:.2f}%"></i><u style="left:{100 * was:.2f}%"></u>'
                f"<span>{html.escape(name)}</span><b>{percent(p)}</b>"
            )
            rows.append(button("class", i, inside, f"{name}, {percent(p)}: ask about this class", f"bar {rank}"))
        return "".join(rows)

    def _maps(self, active):
        """Return the HTML of the most active maps, as buttons."""
        found = []
        for rank, channel in enumerate(active):
            values = self.output[0, channel]
            values = F.avg_pool2d(values[None, None], len(values) // 28)[0, 0] if len(values) > 28 else values
            png = pixel_png(values.numpy(), cmap="signed")
            found.append(
                button("map", channel, html_image(png, f"map {channel}", 46, 46), f"map {channel}", f"map {rank}")
            )
        return f'<div class="mic-maps">{"".join(found)}</div><div>its {MOST} most active maps: orange above zero, blue below</div>'

    def _beside(self):
        """Return the HTML of the occlusion map, as far as it is measured, or the button that begins it."""
        name = html.escape(self.names[self.class_now])
        if not self._rows:
            return button("do", "hide", "hide each place in turn", f"measure the occlusion map of {name}", "hide")
        values = torch.zeros(PLACES, PLACES)
        values[: len(self._rows)] = torch.stack(self._rows)
        more = "<span data-again hidden></span>" if len(self._rows) < PLACES else ""
        limit = max(values.abs().max().item(), 1e-6)
        done = f"row {len(self._rows)} of {PLACES}" if more else f"at most {100 * values.max():.0f} points lost"
        return (
            f'<div class="mic-beside"><div class="mic-small"><div data-part="photo"></div>{laid_over(values, limit)}</div>'
            f"<div><b>Occlusion</b>: by how much “{name}” falls when a grey square of {SQUARE} pixels hides each place; {done}."
            f"{self._agreement(values) if not more else ''}</div></div>{more}"
        )

    def _agreement(self, values):
        both = torch.stack([F.adaptive_avg_pool2d(self._cam()[None], PLACES).flatten(), values.flatten()])
        found = torch.corrcoef(both)[0, 1].item() if min(both.std(1)) > 0 else 0.0
        return f" Correlation with the other map: <b>{found:.2f}</b>. They need not agree."

    def _cam(self):
        return grad_cam(self.net, self.output, self.layer, self.class_now)

    # Each view: what lies over the picture, and the words below.

    def _square(self):
        """Return the HTML of the frame around the grey square; without one, of a mark where its middle would be."""
        cover = self.tools["cover"]
        return (
            f'<div class="frame" style="{self._box(self._at("row") * SIDE, self._at("column") * SIDE, cover)}"></div>'
        )

    @staticmethod
    def _box(y, x, side):
        return placed(y - side / 2, x - side / 2, side, side, SIDE)

    def _picture(self):
        first, p = self.most_probable(1)[0]
        was = self._untouched[self.gallery.now][self.names.index(first)].item()
        same = "as untouched" if abs(p - was) < 0.0005 else f"untouched {percent(was)}"
        return (
            self._square(),
            f"The network says <b>{html.escape(first)}</b> with probability {percent(p)} ({same}). It has 1000 classes, whose"
            " probabilities sum to 1, and no other answer. The mark on a bar is the untouched picture. Drag a grey square over it.",
        )

    def _map(self):
        values = self.output[0, self.shown]
        h, w = values.shape
        return laid_over(values) + self._square(), (
            f"Map {self.shown} of layer {self.layer}, from {values.min():.1f} to {values.max():.1f}, laid over the picture: {h} × {w}"
            f" numbers, each of the same weights at another place. Choose another map on the right, or another layer."
        )

    def _field(self):
        seen, (h, w) = field(self.net, self.layer), self.output.shape[2:]
        row, column = int(self._at("row") * h), int(self._at("column") * w)
        y, x = (seen.start + at * seen.jump + seen.size / 2 for at in (row, column))
        gradient = unit_gradient(self.net, self._seen, self.layer, self.shown, row, column)
        holds = middle_share(gradient, y / SIDE, x / SIDE)
        frames = f'<div class="frame" style="{self._box(y, x, seen.size)}"></div>'
        said = f"Unit ({row}, {column}) of map {self.shown}, layer {self.layer}, sees <b>{seen.size} × {seen.size}</b> pixels (computed, framed). "
        if not holds:
            return (
                frames,
                said
                + "Measured: no gradient, for its ReLU6 is at an end here. Point elsewhere, or choose another map.",
            )
        inner = f'<div class="frame mic-inner" style="{self._box(y, x, holds)}"></div>'
        return laid_over(F.avg_pool2d(gradient[None], 2)[0]) + frames + inner, (
            f"{said}Measured: 90 % of the gradient's energy lies within <b>{holds} × {holds}</b> (dashed). Point at the picture to move the unit."
        )

    def _why(self):
        name, p = html.escape(self.names[self.class_now]), self.probabilities[self.class_now].item()
        values = self._cam()
        early = " Of an early layer this says little: choose 17, the last." if self.layer < LATE_ENOUGH else ""
        nothing = " No map of this layer speaks for it." if not values.max() > 0 else ""
        return laid_over(values) + self._square(), (
            f"<b>Grad-CAM</b> for “{name}” ({percent(p)}): the maps of layer {self.layer}, each weighted by how much it raises the class's score."
            f"{early}{nothing} It shows where evidence lies in the maps; occlusion, beside it, what is missed when hidden."
        )

    @property
    def alt(self):
        """What is shown now, in a sentence without numbers that another machine could round otherwise."""
        found = ", ".join(name for name, _ in self.most_probable(3))
        return f"Microscope. {self.picture}, {self.view}, layer {self.layer}. The most probable classes: {found}. {self.gallery.said}"

    def still(self):
        """Return a figure: the picture as the network takes it, the five bars, and the map that is shown."""
        fig, (left, middle, right) = plots.figure(1, 3, width=14, height=4.4, width_ratios=[1, 1, 1])
        plots.draw_image(left, self._seen, self.picture)
        found = self.most_probable()
        plots.draw_bars(
            middle, [name for name, _ in found], [100 * p for _, p in found], fmt="{:.1f} %", title="most probable"
        )
        plots.draw_image(right, self.output[0, self.shown], f"layer {self.layer}, map {self.shown}", signed=True)
        return fig


FRAME = page(__file__, views=VIEWS, tools=TOOLS, last=LAST)

"""The views explorer: two random views of a picture, how alike three judges find them, and whom each finds nearest."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from helpers import data, plots
from helpers.chapters.ch15_self_supervised.judge import features, made, neighbours
from helpers.chapters.ch15_self_supervised.views import move, noise, recolour, shapes
from helpers.checks import whole
from helpers.course.explorers.ground import html_image, pixel_png
from helpers.course.explorers.panel import Panel
from helpers.course.explorers.widgets import on_slider, page, style

HERE = Path(__file__).parent
PICTURES, DRAWS, BANK, NEAR = 40, 20, 400, 8
JUDGES = ("pixels", "colours kept", "colours changed")
LIMITS = {
    "picture": (1, PICTURES, 1),
    "turn": (0, 180, 5),
    "shift": (0, 100, 5),
    "colour": (0, 100, 5),
    "draw": (1, DRAWS, 1),
}


@cache
def judge(name):
    """Return what turns pictures (N, 3, 16, 16) into features: the pixels themselves, or a stored encoder.

    The encoders are those of the notebook, trained by the experiment colour_kept_or_changed, stored in half precision.
    """
    if name == "pixels":
        return nn.Flatten()
    layers = []
    for before, after in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    net = made(lambda: nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), 0)
    with np.load(HERE / "encoders.npz") as stored:
        kept = {
            key.removeprefix(f"{name}: "): torch.from_numpy(stored[key].astype(np.float32))
            for key in stored.files
            if key.startswith(f"{name}: ")
        }
    net.load_state_dict(kept, strict=False)  # without batch norm's counters
    return net.eval()


@cache
def bank():
    """Return the pictures that are searched, their forms and their colours, and what each judge makes of them."""
    x, forms, colours = shapes(BANK + PICTURES, seed=77)
    found = {name: F.normalize(features(judge(name), x[PICTURES:]), dim=1) for name in JUDGES}
    return x, forms, colours.argmax(1), found


class ViewsExplorer(Panel):
    """Show two views of a picture, and the nearest neighbours of the first by pixels and by two encoders.

    picture: 1 to 40;  draw: 1 to 20, which random numbers make the views
    turn:    0 to 180, the largest angle in degrees, in steps of 5
    shift:   0 to 100, the largest shift in percent of half a side, in steps of 5
    colour:  0 to 100, how much the colours are changed, in percent, in steps of 5
    raises:  ValueError that names the argument
    """

    _css = style(__file__)

    def __init__(self, picture=1, turn=15, shift=15, colour=100, draw=1):
        super().__init__()
        given = dict(picture=picture, turn=turn, shift=shift, colour=colour, draw=draw)
        self.at = {name: on_slider(name, value, *LIMITS[name]) for name, value in given.items()}
        self.refresh()

    def hear(self, name, value):
        if name in self.at:
            low, high, step = LIMITS[name]
            self.at[name] = whole(name, min(max(int(value), low), high) // step * step, low, high)

    @torch.no_grad()
    def found(self):
        """Return (the picture and its views (3, 3, 16, 16), {judge: (cosine, share, places of the neighbours)})."""
        x, _, _, known = bank()
        picture = x[self.at["picture"] - 1]
        turn, shift, colour = math.radians(self.at["turn"]), self.at["shift"] / 100, self.at["colour"] / 100

        def views():
            return noise(recolour(move(picture.expand(2, -1, -1, -1), turn, shift, 0.18), colour), 0.05)

        three = torch.cat([picture[None], made(views, self.at["draw"]).clamp(-1, 1)])
        found = {}
        for name in JUDGES:
            a, b = F.normalize(judge(name)(three[1:]), dim=1)
            cosine = (a @ b).item()
            share = ((known[name] @ a) < cosine).float().mean().item()
            found[name] = cosine, share, neighbours(known[name], a[None], NEAR)[0].tolist()
        return three, found

    def refresh(self):
        x, forms, colours, _ = bank()
        three, found = self.found()
        form, colour = forms[self.at["picture"] - 1].item(), colours[self.at["picture"] - 1].item()
        rows, lines, said = [], [], []
        for name, (cosine, share, places) in found.items():
            near = [PICTURES + place for place in places]
            same = sum(forms[i].item() == form for i in near)
            words = f"{same} of {NEAR} have the same form"
            strip = torch.cat([F.pad(x[i] / 2 + 0.5, (1, 1), value=1.0) for i in near], 2)
            picture = html_image(pixel_png(strip.permute(1, 2, 0)), f"The {NEAR} nearest by {title(name)}: {words}.")
            rows.append(f'<div class="views-row"><b>{title(name)}</b>: {words}{picture}</div>')
            lines.append(
                f'<div class="line"><i style="width:{50 * max(cosine, 0) + 0.5:.1f}%"></i><span>{title(name)}</span>'
                f"<span>{minus(cosine)}</span><span>{100 * share:.0f} %</span></div>"
            )
            said.append(f"{title(name)} {same}")
        self.fixed = {"frame": FRAME}
        self.parts = {
            "rows": "".join(rows),
            "cosines": "".join(lines),
            "words": f"A {data.SHAPES[form]}, mostly {('red', 'green', 'blue')[colour]}. Neighbours of the same form: {', '.join(said)}.",
            "turn": f"{self.at['turn']}°",
            "shift": f"{self.at['shift']} %",
            "colour": f"{self.at['colour']} %",
        }
        names = ("original", "a", "b")
        self.parts |= {
            name: html_image(pixel_png((image / 2 + 0.5).permute(1, 2, 0)), f"{label(name)}, a {data.SHAPES[form]}")
            for name, image in zip(names, three)
        }
        self.values = dict(self.at)

    @property
    def alt(self):
        """What is shown, in a sentence without measured numbers."""
        at = self.at
        return (
            f"Views explorer. Picture {at['picture']} and two views of it, turned by up to {at['turn']} degrees, shifted by up to "
            f"{at['shift']} percent, colours changed by {at['colour']} percent; below, its {NEAR} nearest neighbours by pixels and by "
            "two encoders trained without labels."
        )

    def still(self):
        """Return a figure of the picture, its views and the three rows of neighbours."""
        x = bank()[0]
        three, found = self.found()
        fig, axes = plots.figure(4, NEAR, width=12, height=7)
        for ax, image, name in zip(axes[0], three, ("original", "a", "b")):
            plots.draw_image(ax, image / 2 + 0.5, label(name))
        for ax in axes[0][3:]:
            ax.set_axis_off()
        for row, (name, (_, _, places)) in zip(axes[1:], found.items()):
            for ax, place in zip(row, places):
                plots.draw_image(ax, x[PICTURES + place] / 2 + 0.5)
            row[0].set_title(" ")  # leaves the room that the words below take, over several pictures
            row[0].text(0, 1.07, f"nearest to view a by {title(name)}", transform=row[0].transAxes).set_in_layout(False)
        return fig


def title(name):
    return name if name == "pixels" else f"encoder, {name}"


def label(name):
    return "picture" if name == "original" else f"view {name}"


def minus(value):
    return f"{value:.2f}".replace("-", "−")


FRAME = page(__file__, pictures=PICTURES, draws=DRAWS, bank=BANK)

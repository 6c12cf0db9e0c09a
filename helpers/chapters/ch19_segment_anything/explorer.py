"""The segmenter: click on a picture, see three masks and the single one, and click again where the error is. Your own picture too."""

import html

import torch

from helpers import plots
from helpers.chapters.ch19_segment_anything.clicks import deepest
from helpers.chapters.ch19_segment_anything.draw import draw_clicks
from helpers.chapters.ch19_segment_anything.network import stored
from helpers.chapters.ch19_segment_anything.scenes import LEVELS, SIZE, iou, nested
from helpers.checks import check_choice, whole
from helpers.course.explorers.ground import data_uri, pixel_png
from helpers.course.explorers.panel import Panel, button, choice
from helpers.course.explorers.pictures import Gallery
from helpers.course.explorers.widgets import page, style

SCENES = tuple(f"scene {i}" for i in range(1, 7))
MEANT = (*LEVELS, "small shape")
MOST = 8  # clicks
MASKS = ("single", "mask 1", "mask 2", "mask 3")
SHOWN = (1, 2, 3, 0)  # in which order
ENCODER, DECODER = 14.7, 1.65  # million multiply-adds, by the cost table; a test counts them


def scenes():
    """Return the scenes of the explorer, in which all four masks are large enough to be clicked: images, masks."""
    images, masks = nested(400, seed=999)
    area = masks.sum((2, 3))
    good = (area >= 12).all(1) & (area[:, 1] < 0.75 * area[:, 0]) & (area[:, 2] < 0.75 * area[:, 1])
    return images[good][: len(SCENES)], masks[good][: len(SCENES)]


class SegmentExplorer(Panel):
    """Click on a picture and see what a small Segment Anything makes of it. The last line of a cell displays it.

    net:     None, for the one that the course stores; or a Sam that you trained
    picture: "scene 1" to "scene 6", a shipped photograph or one's own, whatever data.photograph takes
    clicks:  list of (column, row, kind), each from 0 to 31, and kind 1 for a click on it, 0 for one beside it; at most 8
    meant:   what is meant in a scene, "whole", "part", "part of the part" or "small shape": the IoU is with its true mask
    raises:  ValueError that names the argument; FileNotFoundError for a picture that is not there

    They follow what is done in the browser. masks() returns what is shown, answer() the mask that the next click mends.
    """

    _css = style(__file__)

    def __init__(self, net=None, picture="scene 1", clicks=None, meant="part of the part"):
        super().__init__()
        if net is not None and not (hasattr(net, "encoder") and hasattr(net, "decoder")):
            raise ValueError(f"net (a {type(net).__name__}) must be a Sam: give the network that was trained, or None")
        self.net = stored() if net is None else net.eval()
        self.device = next(self.net.parameters()).device
        self.images, self.true = scenes()
        self.gallery = Gallery(picture, SCENES)
        self.meant = check_choice("meant", meant, MEANT)
        self._seen = None
        if clicks is not None:
            if not isinstance(clicks, (list, tuple)) or len(clicks) > MOST:
                raise ValueError(f"clicks (={clicks!r:.60}) must be a list of at most {MOST} of (column, row, kind)")
            for each in clicks:
                if not isinstance(each, (list, tuple)) or len(each) != 3:
                    raise ValueError(f"clicks hold {each!r:.40}: each must be (column, row, kind), such as (16, 16, 1)")
                for name, value, high in zip(("column", "row", "kind"), each, (SIZE - 1, SIZE - 1, 1), strict=True):
                    whole(f"clicks: {name}", value, 0, high)
        self.clicks = None if clicks is None else [list(each) for each in clicks]
        self.answers = [None] * len(clicks or ())
        self.refresh()

    # What Python reads

    @property
    def picture(self):
        """The name of what is shown."""
        return self.gallery.now.name

    def image(self):
        """Return the picture as the network takes it, (3, 32, 32)."""
        return self.images[SCENES.index(self.picture)] if self.picture in SCENES else self.gallery.now.at(SIZE)

    def truth(self):
        """Return the true mask of what is meant, (32, 32) bool; None of a photograph."""
        return self.true[SCENES.index(self.picture), MEANT.index(self.meant)] if self.picture in SCENES else None

    def masks(self):
        """Return the scores of four masks (4, 32, 32), the single one first, and the qualities guessed (4,); None without a click."""
        if not self.clicks:
            return None, None
        points = torch.tensor([each[:2] for each in self.clicks], device=self.device)[None].float()
        kinds = torch.tensor([each[2] for each in self.clicks], device=self.device)[None]
        previous = None
        with torch.no_grad():
            for k in range(1, len(self.clicks) + 1):
                masks, quality = self.net.decoder(self._maps, points[:, :k], kinds[:, :k], previous)
                previous = masks[:, self._which(k - 1, quality[0])]
        return masks[0].cpu(), quality[0].cpu()

    def _which(self, k, quality):
        """Which of the four masks is taken after click k: the one chosen; else the best guessed of three, later the single."""
        if self.answers[k] is not None:
            return self.answers[k]
        return 1 + int(quality[1:].argmax()) if k == 0 else 0

    def answer(self):
        """Return the mask that is taken, (32, 32) bool; empty without a click."""
        masks, quality = self.masks()
        if masks is None:
            return torch.zeros(SIZE, SIZE, dtype=torch.bool)
        return masks[self._which(len(self.clicks) - 1, quality)] > 0

    # What the browser asks

    def hear(self, name, value):
        if name in ("x", "y"):
            self._move("xy".index(name), min(SIZE - 1, int(value * SIZE)))
        elif name in ("column", "row"):
            self._move(("column", "row").index(name), whole(name, value, 0, SIZE - 1))
        elif name == "kind":
            if self.clicks:
                self.clicks[-1][2] = whole("kind", value, 0, 1)
        elif name == "meant":
            self.meant = check_choice("meant", value, MEANT)
        elif name == "take":
            if self.clicks:
                self.answers[-1] = whole("take", value, 0, 3)
        elif value == "clear":
            self.clicks, self.answers = [], []
        elif value == "undo":
            self.clicks, self.answers = self.clicks[:-1], self.answers[:-1]
        elif len(self.clicks) < MOST:
            self._add(value)

    def _add(self, what):
        truth = self.truth()
        if what == "error":
            wrong = truth is not None and truth != self.answer()
            if truth is None or not wrong.any():
                return
            x, y = deepest(wrong[None])[0].int().tolist()
            self.clicks.append([x, y, int(truth[y, x])])
        else:
            self.clicks.append([SIZE // 2, SIZE // 2, int(what == "plus")])
        self.answers.append(None)

    def _move(self, axis, value):
        if not self.clicks:
            self._add("plus")
        self.clicks[-1][axis] = value

    # What is shown

    def _look(self):
        """Run the encoder, once for each picture; a new one starts with one click."""
        if self.gallery.now is self._seen:
            return
        with torch.no_grad():
            self._maps = self.net.encoder(self.image()[None].to(self.device))
        if self.clicks is None or self._seen is not None:
            spot = [SIZE // 2, SIZE // 2]
            if self.picture in SCENES:
                spot = deepest(self.true[SCENES.index(self.picture), 2][None])[0].int().tolist()
            self.clicks, self.answers = [[*spot, 1]], [None]
        self._seen = self.gallery.now

    def refresh(self):
        self._look()
        masks, quality = self.masks()
        which = None if masks is None else self._which(len(self.clicks) - 1, quality)
        known = self.picture in SCENES
        full, last = len(self.clicks) >= MOST, self.clicks[-1] if self.clicks else [SIZE // 2, SIZE // 2, 1]
        exact = known and torch.equal(self.answer(), self.truth())
        meant = choice("meant", "what is meant", MEANT) if known else "no true mask"
        self.fixed = {"frame": FRAME, **self.pictures(), "meant": meant}
        self.parts = {
            "photo": f'<img alt="" src="{data_uri(pixel_png(self.image().permute(1, 2, 0).numpy()))}" style="inset:0;width:100%;height:100%">',
            "over": marks(self.clicks, None if which is None else masks[which] > 0, self.alt),
            "cards": self._cards(masks, quality, which),
            "do": "".join(
                button("do", value, text, label, value, off)
                for value, text, label, off in (
                    ("plus", "+ click", "add a click on it", full),
                    ("minus", "− click", "add a click beside it", full),
                    ("error", "click where the error is", "add a click in the error", full or not known or exact),
                    ("undo", "undo", "take the last click away", not self.clicks),
                    ("clear", "clear", "take all clicks away", not self.clicks),
                )
            ),
            "number": str(len(self.clicks)),
            "words": self._words(masks, which),
        }
        self.values = {"picture": self.picture, "meant": self.meant, "column": last[0], "row": last[1]}
        self.values["take"] = -1 if which is None else which

    def _cards(self, masks, quality, which):
        if masks is None:
            return '<div class="seg-none">No click yet: point into the picture.</div>'
        found, truth = [], self.truth()
        for i in SHOWN:
            picture = pixel_png(masks[i].sigmoid()[..., None].expand(-1, -1, 3).numpy())
            said = f"guessed <b>{quality[i]:.2f}</b>"
            if truth is not None:
                said += f"<br>true IoU <b>{iou(masks[i] > 0, truth).item():.2f}</b>"
            inside = f'<img alt="" src="{data_uri(picture)}"><span><b>{MASKS[i]}</b><br>{said}</span>'
            found.append(button("take", i, inside, f"take {MASKS[i]}", f"take {i}"))
        return "".join(found)

    def _words(self, masks, which):
        n = len(self.clicks)
        cost = (
            f"For this picture the encoder ran once, {ENCODER} million multiply-adds; the decoder {n} "
            f"time{'' if n == 1 else 's'}, {DECODER} million each."
        )
        if masks is None:
            return cost
        plus = sum(each[2] for each in self.clicks)
        share = 100 * (masks[which] > 0).float().mean().item()
        return (
            f"{plus} click{'' if plus == 1 else 's'} on it, {n - plus} beside it: <b>{MASKS[which]}</b> is taken, {share:.0f} % of the "
            f"picture, outlined on the left. The next click starts from it. {cost}"
        )

    @property
    def alt(self):
        """What is shown now, in a sentence without numbers that another machine could round otherwise."""
        said = ", ".join(f"{'on' if kind else 'beside'} it at column {x}, row {y}" for x, y, kind in self.clicks)
        meant = f", where the {self.meant} is meant" if self.picture in SCENES else ""
        return (
            f"Segment explorer. {self.picture}{meant}. Clicks: {said or 'none'}. Three masks and a single one, each with the"
            f" quality that the network guesses. {self.gallery.said}"
        )

    def still(self):
        """Return a figure: the picture with its clicks, and the four masks."""
        masks, quality = self.masks()
        fig, axes = plots.figure(1, 5, width=14, height=3.4)
        plots.draw_image(axes[0], self.image(), self.picture)
        draw_clicks(axes[0], self.clicks)
        for ax, i in zip(axes[1:], SHOWN, strict=True):
            ax.set_axis_off()
            if masks is not None:
                ax.set_axis_on()
                plots.draw_image(ax, masks[i].sigmoid(), f"{MASKS[i]}: {quality[i]:.2f}", limit=1.0)
        return fig


def marks(clicks, mask, words):
    """Return SVG over the picture: the outline of a mask (32, 32) bool or None, and the clicks."""
    out = []
    if mask is not None:
        path = outline(mask)
        out += [f'<path class="seg-under" d="{path}"/>', f'<path class="seg-line" d="{path}"/>']
    for k, (x, y, kind) in enumerate(clicks):
        now = " seg-now" if k == len(clicks) - 1 else ""
        out.append(f'<circle class="{"seg-on" if kind else "seg-off"}{now}" cx="{x + 0.5}" cy="{y + 0.5}" r="1.25"/>')
        cross = f"M{x - 0.25} {y + 0.5}h1.5" + (f"M{x + 0.5} {y - 0.25}v1.5" if kind else "")
        out.append(f'<path class="seg-sign" d="{cross}"/>')
    return f'<svg viewBox="0 0 {SIZE} {SIZE}" role="img" aria-label="{html.escape(words)}">{"".join(out)}</svg>'


def outline(mask):
    """Return the path of a mask's border, between pixels: (32, 32) bool."""
    wide = torch.zeros(SIZE + 2, SIZE + 2, dtype=torch.bool)
    wide[1:-1, 1:-1] = mask
    across = (wide[1:, 1:-1] != wide[:-1, 1:-1]).nonzero().tolist()  # lines above a pixel
    down = (wide[1:-1, 1:] != wide[1:-1, :-1]).nonzero().tolist()
    return "".join([f"M{x} {y}h1" for y, x in across] + [f"M{x} {y}v1" for y, x in down])


FRAME = page(__file__, size=SIZE)

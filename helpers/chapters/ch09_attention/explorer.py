"""The attention explorer: point at a patch of a picture, and see which patches it attends to and the average that comes out.

Drawn and computed in the browser (explorer.js), in double precision, so it answers at once and lives on in a page without
a kernel. What is here: its settings, the heads it offers, and its still picture.
"""

import base64
from pathlib import Path

import anywidget
import numpy as np
import torch
import traitlets as tr

from helpers import plots
from helpers.checks import check_choice, check_number, whole
from helpers.course.explorers.ground import Still
from helpers.course.explorers.pictures import SCRIPT, Gallery, Uploads

HERE = Path(__file__).parent
SIDE, PATCHES = 168, 14  # pixels and patches along a side of the picture that is shown where none is given
MOST = 32  # patches along a side: more could not be pointed at
TEMPERATURES = (0.05, 20.0)
SCALE = 4.0  # how far apart the made heads' scores lie: alike patches score 16, opposite ones -16


def patches(image, patch_size):
    """Cut an image into patches, row by row.

    image:   (C, H, W), H and W multiples of patch_size
    returns: (T, C * patch_size * patch_size), T = H/patch_size * W/patch_size
    raises:  ValueError where it cannot be cut evenly, or not into 2 x 2 to 32 x 32 patches
    """
    C, H, W = image.shape
    whole("patch_size", patch_size, 1)
    if H % patch_size or W % patch_size:
        raise ValueError(
            f"patch_size (={patch_size}) must divide the image's sides ({H} x {W}): crop the image or choose another"
        )
    rows, cols = H // patch_size, W // patch_size
    if not (2 <= rows <= MOST and 2 <= cols <= MOST):
        raise ValueError(
            f"patch_size (={patch_size}) makes {rows} x {cols} patches of {H} x {W} pixels: from 2 x 2 to {MOST} x"
            f" {MOST} can be shown"
        )
    grid = image.reshape(C, rows, patch_size, cols, patch_size)
    return grid.permute(1, 3, 0, 2, 4).reshape(rows * cols, -1)


def alike(features, centre=True):
    """Return (query, key) that find patches with like features: the features as arrows of one length, from their mean or from 0.

    features: (T, d);  returns: two (T, d);  query · key / sqrt(d) is SCALE**2 times the cosine of the angle between them
    """
    centred = features - features.mean(0) if centre else features
    arrows = centred / centred.norm(dim=1, keepdim=True).clamp(min=1e-6)
    arrows = SCALE * features.shape[1] ** 0.25 * arrows
    return arrows, arrows


def made_heads(image, patch_size):
    """Return {name: (query, key)} of heads that are made, not learnt, so that what they compare is known.

    image:   (C, H, W) from 0 to 1;  returns: (T, d) tensors, float64
    """
    C, H, W = image.shape
    cut = patches(image.double(), patch_size).reshape(-1, C, patch_size, patch_size)
    down = (image[:, 1:, :] - image[:, :-1, :]).mean(0).double()
    right = (image[:, :, 1:] - image[:, :, :-1]).mean(0).double()
    slopes = torch.zeros(2, H, W, dtype=torch.float64)
    slopes[0, :-1], slopes[1, :, :-1] = down, right
    edges = patches(slopes, patch_size).reshape(len(cut), 2, -1)
    strength = [
        edges[:, 0].abs().mean(1),
        edges[:, 1].abs().mean(1),
        (edges[:, 0] * edges[:, 1]).mean(1) * 20,
        edges.abs().amax((1, 2)) / 3,
    ]
    rows, cols = H // patch_size, W // patch_size
    row, col = torch.arange(rows, dtype=torch.float64), torch.arange(cols, dtype=torch.float64)
    waves = torch.stack(
        [
            (
                f(torch.pi * place / many).expand(rows, cols)
                if axis
                else f(torch.pi * place / many)[:, None].expand(rows, cols)
            )
            for axis, place, many in ((0, row, rows), (1, col, cols))
            for f in (torch.sin, torch.cos)
        ],
        dim=-1,
    )
    bright = cut.mean((1, 2, 3))[:, None]
    bright = SCALE / 4 * (bright - bright.mean()) / bright.std().clamp(min=1e-6)
    return {
        "colour": alike(cut.mean((2, 3))) if C == 3 else alike(torch.cat([cut.mean((2, 3)), cut.std((2, 3))], 1)),
        "texture": alike(torch.stack(strength, 1)),
        "place": alike(waves.reshape(rows * cols, -1), centre=False),
        "opposite brightness": (-bright, bright),
    }


def packed(array, dtype):
    """Return the numbers of an array as text, without loss, for the browser."""
    return base64.b64encode(np.ascontiguousarray(array, dtype=dtype).tobytes()).decode()


def unpacked(text, dtype, *shape):
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), dtype=dtype).reshape(shape).copy())


class AttentionExplorer(Uploads, Still, anywidget.AnyWidget):
    """Show what a patch of a picture attends to. The last line of a cell displays it.

    image:       a shipped photograph or one's own, whatever data.photograph takes; a tensor (3, H, W) or (1, H, W) keeps its sides
    patch_size:  pixels along a patch; None for 14 x 14 patches of a photograph
    heads:       None for heads that are made from the pixels, or {name: (query, key)}, (T, d) each, a row for each patch
    head:        the name of the head shown; None for the first
    query:       (row, column) of the patch that asks
    temperature: divides the scores query · key / sqrt(d), from 0.05 to 20
    raises:      ValueError that names the argument

    `head`, `query`, `temperature` follow what is done in the browser and can be set. The values are the patches' own pixels.
    weights() and average() return what is shown, computed by torch.
    """

    _esm = SCRIPT + (HERE / "explorer.js").read_text(encoding="utf-8")
    _css = (HERE / "explorer.css").read_text(encoding="utf-8")

    name = tr.Unicode().tag(sync=True)
    menu = tr.List().tag(sync=True)  # of pictures; empty where the heads were given, which fit only one
    wanted = tr.Unicode().tag(sync=True)  # of the menu; `name` again once the kernel has turned to it, or could not
    size = tr.List().tag(sync=True)  # channels, height, width, patch_size
    pixels = tr.Unicode().tag(sync=True)  # uint8, (C, H, W)
    heads = tr.Dict().tag(sync=True)  # name → {"d": int, "query": float32 (T, d), "key": float32 (T, d)}
    head = tr.Unicode().tag(sync=True)
    query = tr.List().tag(sync=True)
    temperature = tr.Float(1.0).tag(sync=True)

    def __init__(self, image="cat", patch_size=None, heads=None, head=None, query=None, temperature=1.0):
        if torch.is_tensor(image) and image.dim() == 3 and len(image) in (1, 3):
            self.gallery, called, image = Gallery("cat"), "image", image.detach().cpu().float()
        else:
            try:
                self.gallery = Gallery(image)
            except (ValueError, OSError) as error:
                raise type(error)(f"image must be (3, H, W) or (1, H, W), or a photograph: {error}") from None
            called, image = self.gallery.now.name, self.gallery.now.at(SIDE)
        if not (torch.isfinite(image).all() and image.min() >= 0 and image.max() <= 1):
            raise ValueError("image must hold numbers from 0 to 1: divide bytes by 255")
        if patch_size is None:
            patch_size = max(1, image.shape[1] // PATCHES)
        tokens = len(patches(image, patch_size))
        image = (
            image * 255
        ).round()  # whole numbers travel to the browser, so kernel and browser average the same ones
        made = heads is None  # other heads belong to one picture
        if made:
            heads = made_heads(image / 255, patch_size)
        if not isinstance(heads, dict) or not heads:
            raise ValueError(f"heads (={heads!r:.60}) must be a dict of at least one name to (query, key)")
        sent = {str(each): self._pair(str(each), pair, tokens) for each, pair in heads.items()}
        if head is not None:
            check_choice("head", head, sent)
        if query is not None and not isinstance(query, (tuple, list)):
            raise ValueError(f"query (={query!r}) must be (row, column) of a patch")
        check_number("temperature", temperature, *TEMPERATURES)
        C, H, W = image.shape
        super().__init__(
            name=called,
            wanted=called,
            menu=[*dict.fromkeys((*self.gallery.names, called))] if made else [],
            said=self.gallery.said,
            size=[C, H, W, patch_size],
            pixels=packed(image, np.uint8),
            heads=sent,
            head=next(iter(sent)) if head is None else head,
            temperature=temperature,
            query=[H // patch_size // 2, W // patch_size // 2] if query is None else list(query),
        )

    @staticmethod
    def _pair(name, pair, tokens):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"heads[{name!r}] must be a pair (query, key)")
        query, key = (torch.as_tensor(each).detach().cpu().float() for each in pair)
        if query.dim() != 2 or query.shape != key.shape or len(query) != tokens or query.shape[1] < 1:
            raise ValueError(
                f"heads[{name!r}] (shapes {tuple(query.shape)} and {tuple(key.shape)}) must be (T, d) twice, T ="
                f" {tokens} patches"
            )
        if not (torch.isfinite(query).all() and torch.isfinite(key).all()):
            raise ValueError(f"heads[{name!r}] must hold finite numbers, and holds nan or inf")
        return {"d": query.shape[1], "query": packed(query, np.float32), "key": packed(key, np.float32)}

    @tr.observe("wanted")
    def _choose(self, change):
        if change.new != self.name:
            self.turn_to(self.gallery.choose, change.new)
            self.wanted = self.name

    def show_picture(self):
        """Show what the gallery shows now, with heads made from it."""
        now, side = self.gallery.now, self.size[3]
        side = side if SIDE % side == 0 and 2 <= SIDE // side <= MOST else SIDE // PATCHES
        image = (now.at(SIDE) * 255).round()
        heads = made_heads(image / 255, side)
        tokens = (SIDE // side) ** 2
        with self.hold_sync():
            self.size, self.pixels = [3, SIDE, SIDE, side], packed(image, np.uint8)
            self.heads = {name: self._pair(name, pair, tokens) for name, pair in heads.items()}
            self.name, self.wanted = now.name, now.name
            self.query = [min(at, SIDE // side - 1) for at in self.query]
            self.menu = [*self.gallery.names]

    @property
    def grid(self):
        """(rows, columns) of patches."""
        _, H, W, side = self.size
        return H // side, W // side

    @tr.validate("head")
    def _known_head(self, proposal):
        return check_choice("head", proposal["value"], self.heads)

    @tr.validate("query")
    def _known_query(self, proposal):
        query, (rows, cols) = list(proposal["value"]), self.grid
        if not (
            len(query) == 2
            and all(isinstance(i, int) and not isinstance(i, bool) for i in query)
            and 0 <= query[0] < rows
            and 0 <= query[1] < cols
        ):
            raise ValueError(f"query (={query!r}) must be (row, column), from (0, 0) to ({rows - 1}, {cols - 1})")
        return query

    @tr.validate("temperature")
    def _known_temperature(self, proposal):
        low, high = TEMPERATURES
        if not low <= proposal["value"] <= high:
            raise ValueError(f"temperature (={proposal['value']!r}) must be from {low:g} to {high:g}")
        return proposal["value"]

    def get_state(self, key=None, drop_defaults=False):
        """Return all that the browser needs: a page without a kernel does not know the defaults."""
        return super().get_state(key, drop_defaults=False)

    def image(self):
        """Return the picture: (C, H, W) float64, from 0 to 1."""
        C, H, W, _ = self.size
        return unpacked(self.pixels, np.uint8, C, H, W).double() / 255

    def weights(self):
        """Return the weights of the query shown over all patches: (rows, columns) float64, their sum 1."""
        (rows, cols), head = self.grid, self.heads[self.head]
        query, key = (unpacked(head[part], np.float32, rows * cols, head["d"]).double() for part in ("query", "key"))
        scores = key @ query[self.query[0] * cols + self.query[1]] / (head["d"] ** 0.5 * self.temperature)
        return scores.softmax(0).reshape(rows, cols)

    def average(self):
        """Return the average of all patches under the weights: (C, patch_size, patch_size) float64."""
        C, _, _, side = self.size
        return (self.weights().flatten() @ patches(self.image(), side)).reshape(C, side, side)

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        rows, cols = self.grid
        return (
            f"Attention explorer. {self.name}, {rows} x {cols} patches. The patch in row {self.query[0]}, column"
            f" {self.query[1]} asks; head: {self.head}; temperature {self.temperature:g}. Beside the picture: the"
            f" weight of every patch, and the weighted average. {self.said}"
        )

    def still(self):
        """Return a figure of picture, weights and averaged patch as they are now."""
        from matplotlib.patches import Rectangle

        fig, axes = plots.figure(1, 3, width=11, height=4.95, width_ratios=[1, 1, 0.55])
        side, (row, col) = self.size[3], self.query
        plots.draw_image(axes[0], self.image(), "the patch that asks")
        axes[1].imshow(self.weights().numpy(), cmap="Oranges", vmin=0)
        axes[1].set(xticks=[], yticks=[], title=f"weights: {self.head}")
        for ax, step, off in ((axes[0], side, 0), (axes[1], 1, 0.5)):
            ax.add_patch(
                Rectangle((col * step - off, row * step - off), step, step, fill=False, edgecolor="black", linewidth=6)
            )
            ax.add_patch(
                Rectangle(
                    (col * step - off, row * step - off), step, step, fill=False, edgecolor=plots.SKY, linewidth=3
                )
            )
        plots.draw_image(axes[2], self.average(), "average")
        return fig

"""The camera explorer: drag a camera around the scene, point to a pixel, and see its ray: densities, light left, weights."""

import math

import torch

from helpers import plots
from helpers.chapters.ch20_nerf import draw
from helpers.chapters.ch20_nerf.fields import stored
from helpers.chapters.ch20_nerf.rendering import crossing, render, stratified, weights_of
from helpers.chapters.ch20_nerf.scene import BOX, FAR_AWAY, HALF, SPHERES, camera, seen
from helpers.checks import check_choice, whole
from helpers.course.explorers.ground import data_uri, pixel_png
from helpers.course.explorers.panel import Panel
from helpers.course.explorers.widgets import on_slider, page, snap, style

SIDE = 48  # pixels
TURN, HEIGHT, SAMPLES = (0, 355, 5), (0, 60, 5), (8, 64, 8)  # lowest, highest, step
KINDS = ("colour", "distance")
PLAN = 4.6  # how far the map from above reaches
FROM, TO = draw.NEAR, draw.FAR  # distances of the chart


class NerfExplorer(Panel):
    """Show what a field shows from any side, and what happens along one ray. The last line of a cell displays it.

    field:       None for the one that is stored, or a field such as the notebook trains
    turn:        degrees around the scene, 0 to 355 in steps of 5
    height:      degrees above the ground, 0 to 60 in steps of 5
    samples:     of a ray, 8 to 64 in steps of 8
    row, column: the pixel whose ray is drawn, 1 to 48
    show:        "colour" or "distance"
    raises:      ValueError that names the argument

    They follow what is done in the browser; ray() returns what is drawn of the ray.
    """

    _css = style(__file__)

    def __init__(self, field=None, turn=40, height=25, samples=24, row=27, column=17, show="colour"):
        super().__init__()
        if field is not None and not (isinstance(field, torch.nn.Module) and any(True for _ in field.parameters())):
            raise ValueError(f"field (a {type(field).__name__}) must be a network that was trained, or None")
        self.field = stored() if field is None else field
        self.device = next(self.field.parameters()).device
        self.turn = on_slider("turn", turn, *TURN)
        self.height = on_slider("height", height, *HEIGHT)
        self.samples = on_slider("samples", samples, *SAMPLES)
        self.row, self.column = whole("row", row, 1, SIDE), whole("column", column, 1, SIDE)
        self.show = check_choice("show", show, KINDS)
        self.east, self.south = self.place()
        self.refresh()

    def place(self):
        """Return where the camera stands on the map from above, from 0 to 1 each way."""
        out, a = FAR_AWAY * math.cos(math.radians(self.height)), math.radians(self.turn)
        return 0.5 + out * math.sin(a) / (2 * PLAN), 0.5 + out * math.cos(a) / (2 * PLAN)

    def hear(self, name, value):
        if name in ("turn", "height", "samples"):
            setattr(self, name, snap(value, *dict(turn=TURN, height=HEIGHT, samples=SAMPLES)[name]))
        elif name in ("row", "column"):
            setattr(self, name, snap(value, 1, SIDE, 1))
        elif name in ("across", "down"):
            setattr(self, "column" if name == "across" else "row", min(SIDE, 1 + int(value * SIDE)))
        elif name in ("east", "south"):
            setattr(self, name, value)
            x, z = (self.east - 0.5) * 2 * PLAN, (self.south - 0.5) * 2 * PLAN
            self.turn = snap(round(math.degrees(math.atan2(x, z))) % 360, 0, 360, 5) % 360
            self.height = snap(math.degrees(math.acos(min(1, math.hypot(x, z) / FAR_AWAY))), *HEIGHT)
            return
        elif name == "show":
            self.show = check_choice("show", value, KINDS)
        self.east, self.south = self.place()

    @torch.no_grad()
    def look(self):
        """Return what the field shows: colours (S·S, 3), distances and opacities (S·S,)."""
        rays = (each.to(self.device) for each in camera(self.turn, self.height, SIDE))
        return [each.cpu() for each in render(self.field, *rays, self.samples, jitter=False)[:3]]

    @torch.no_grad()
    def ray(self):
        """Return of the chosen pixel's ray: distances, densities, weights (n,), colours (n, 3), and the true distance."""
        at = (self.row - 1) * SIDE + self.column - 1
        origins, directions = (each[at : at + 1] for each in camera(self.turn, self.height, SIDE))
        truth = seen(origins, directions)[1].item()
        origins, directions = origins.to(self.device), directions.to(self.device)
        near, far = crossing(origins, directions)
        t = stratified(near, far, self.samples, jitter=False)
        points = origins[:, None] + t[..., None] * directions[:, None]
        density, colours = self.field(points, directions[:, None].expand_as(points))
        weights = weights_of(density, torch.cat([t[:, 1:] - t[:, :-1], far - t[:, -1:]], 1))
        return *(each[0].cpu() for each in (t, density, weights, colours)), truth

    def shown(self):
        """Return two pictures (3 or 1, S, S): what the field shows, and what is there."""
        colours, distances, opacities = self.look()
        truth, far = seen(*camera(self.turn, self.height, SIDE))
        if self.show == "colour":
            return draw.square(colours), draw.square(truth)
        return draw.near(distances, opacities)[None], draw.near(far, far.isfinite().float())[None]

    def refresh(self):
        ours, truth = self.shown()
        frame = page(__file__, turn=TURN, height=HEIGHT, samples=SAMPLES, kinds=KINDS, side=SIDE)
        self.fixed = {"frame": frame}
        t, density, weights, colours, true = self.ray()
        self.parts = {
            "picture": stage(ours, self.row, self.column),
            "truth": stage(truth, self.row, self.column),
            "plan": plan(*self.place()),
            "words": self._words(ours, truth, t, weights, colours, true),
            "chart": chart(t, density, weights, colours, true),
        }
        self.values = {name: getattr(self, name) for name in ("turn", "height", "samples", "show", "row", "column")}

    def _words(self, ours, truth, t, weights, colours, true):
        opacity = weights.sum().item()
        mean = (weights * t).sum().item() / max(opacity, 1e-3)
        made = ((weights[:, None] * colours).sum(0) + 1 - opacity).clamp(0, 1)
        off = (ours - truth).square().mean().item()
        there = f"is hit at {true:.2f}" if math.isfinite(true) else "is the ground"
        return (
            f"<div>This pixel: <i style='background:{css(made)}'></i></div>"
            f"<div>The weights sum to <b>{opacity:.2f}</b>; what is left, {1 - opacity:.2f}, is white ground.</div>"
            f"<div>Mean distance by weight: <b>{mean:.2f}</b>. In truth this pixel {there} (dashed).</div>"
            f"<div>The two pictures: {-10 * math.log10(max(off, 1e-10)):.1f} dB.</div>"
        )

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        return (
            f"Camera explorer. The camera stands at {self.turn} degrees, {self.height} degrees high; the {self.show} that the "
            f"field shows with {self.samples} samples a ray beside what is there; below, densities, light left and weights "
            f"along the ray of the pixel in row {self.row}, column {self.column}."
        )

    def still(self):
        """Return a figure: the two pictures, and the ray."""
        ours, truth = self.shown()
        t, density, weights, colours, _ = self.ray()
        fig, axes = plots.figure(1, 5, width=15, height=3.6, width_ratios=[1, 1, 1.1, 1.1, 1.1])
        draw.draw_views(axes[:2], [ours, truth], ["the field", "what is there"])
        for ax in axes[:2]:
            ax.plot([self.column - 1], [self.row - 1], "s", fillstyle="none", color=plots.RED, markersize=11)
        draw.draw_ray(axes[2:], density, t, weights, colours)
        return fig


def css(colour):
    """Return a colour (3,) as CSS."""
    return "rgb({:.0f},{:.0f},{:.0f})".format(*(255 * colour).tolist())


def stage(picture, row, column):
    """Return a picture (C, S, S) with the chosen pixel framed."""
    shares = picture.permute(1, 2, 0).expand(-1, -1, 3)
    size = 100 / SIDE
    frame = (
        f"left:{(column - 1.5) * size:.2f}%;top:{(row - 1.5) * size:.2f}%;width:{3 * size:.2f}%;height:{3 * size:.2f}%"
    )
    return f'<img alt="" src="{data_uri(pixel_png(shares.numpy()))}"><div class="frame" style="{frame}"></div>'


def plan(east, south):
    """Return the scene from above with the camera, which stands at shares of its width."""
    x, z = (east - 0.5) * 2 * PLAN, (south - 0.5) * 2 * PLAN
    out = [f'<rect class="nerf-plan-ground" x="{-PLAN}" y="{-PLAN}" width="{2 * PLAN}" height="{2 * PLAN}"/>']
    centre, half, paint = BOX
    fill = css(torch.tensor(paint))
    out.append(
        f'<rect x="{centre[0] - half[0]}" y="{centre[2] - half[2]}" width="{2 * half[0]}" height="{2 * half[2]}" fill="{fill}"/>'
    )
    for centre, radius, paint in SPHERES:
        out.append(f'<circle cx="{centre[0]}" cy="{centre[2]}" r="{radius}" fill="{css(torch.tensor(paint))}"/>')
    out.append(f'<rect class="nerf-plan-cube" x="{-HALF}" y="{-HALF}" width="{2 * HALF}" height="{2 * HALF}"/>')
    out.append(f'<path d="M{x:.2f} {z:.2f}L0 0"/><circle class="nerf-plan-camera" cx="{x:.2f}" cy="{z:.2f}" r=".28"/>')
    return (
        f'<svg class="nerf-plan" viewBox="{-PLAN} {-PLAN} {2 * PLAN} {2 * PLAN}" role="img"'
        f' aria-label="the scene from above, the camera beside it">{"".join(out)}</svg>'
    )


def chart(t, density, weights, colours, true):
    """Return three lanes in SVG along one ray: density, light left, weights in the colours of the samples."""
    wide, left, right = 1070, 150, 1060
    lanes = ((0, 58, "density σ"), (70, 58, "light left T"), (140, 58, "weight w"))

    def across(distance):
        return left + (distance - FROM) / (TO - FROM) * (right - left)

    out = [
        f'<text x="0" y="{top + 36}">{name}</text><path class="grid" d="M{left} {top + high}H{right}"/>'
        for top, high, name in lanes
    ]
    most, each = max(density.max().item(), 1.0), max(2.0, 0.6 * (right - left) / (TO - FROM) * (t[1] - t[0]).item())
    passed, line = 1.0, f"M{left} {lanes[1][0]}"
    for at, s, w, colour in zip(t.tolist(), density.tolist(), weights.tolist(), colours, strict=True):
        x = across(at)
        out.append(bar(x, each, lanes[0], s / most, 'class="nerf-bar"'))
        out.append(bar(x, each, lanes[2], w, f'fill="{css(colour)}" stroke="currentColor" stroke-width=".7"'))
        line += f"H{x:.1f}"
        passed -= w
        line += f"V{lanes[1][0] + lanes[1][1] * (1 - max(0, passed)):.1f}"
    out.append(f'<path class="nerf-left" d="{line}H{right}"/>')
    if math.isfinite(true):
        out.append(f'<path class="nerf-true" d="M{across(true):.1f} 0V198"/>')
    for mark in (3.0, 3.5, 4.0, 4.5, 5.0):
        out.append(f'<text x="{across(mark):.1f}" y="217" text-anchor="middle">{mark:g}</text>')
    out.append(f'<text x="0" y="217">distance</text><text x="{left - 6}" y="14" text-anchor="end">{most:.0f}</text>')
    words = f"along the ray: densities up to {most:.0f}, light left falling to {max(0, passed):.2f}, weights summing to {weights.sum():.2f}"
    return f'<svg viewBox="0 0 {wide} 222" width="{wide}" height="222" role="img" aria-label="{words}">{"".join(out)}</svg>'


def bar(x, width, lane, share, style):
    """Return a bar whose height is a share of a lane's, its middle at x."""
    top, high, _ = lane
    tall = high * max(0.0, min(1.0, share))
    return (
        f'<rect x="{x - width / 2:.1f}" y="{top + high - tall:.1f}" width="{width:.1f}" height="{tall:.1f}" {style}/>'
    )

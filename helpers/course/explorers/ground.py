"""What all explorers share: pictures that are quick to redraw, and what is shown where nothing can move.

A heat map is a PNG with one pixel a cell, enlarged by the browser: under a millisecond, where drawing a figure anew
takes two hundred. A chart is drawn on an off-screen Figure (helpers.plots.figure), never with pyplot: callbacks run
beside the main thread, and pyplot's list of open figures is not made for that.
"""

import base64
import html
import io

import matplotlib
import numpy as np
from PIL import Image

from helpers.plots import SIGNED, bundle

COLOUR_MAPS = {"signed": SIGNED}


def pixel_png(array, vmin=None, vmax=None, cmap="gray"):
    """Return a heat map as the bytes of a PNG, one pixel a cell.

    array:      (H, W) numbers, or (H, W, 3) colours from 0 to 1
    vmin, vmax: the values of the first and last colour; None takes the array's own, and for "signed" a range around 0
    cmap:       "gray", "signed" (blue below zero, white, orange above), or a name or colour map of matplotlib
    raises:     ValueError for another shape, an empty array, or values that are not finite
    """
    try:
        array = np.asarray(array, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"array (={array!r:.60}) must be numbers, (H, W) or (H, W, 3)") from None
    if not (array.ndim == 2 or array.ndim == 3 and array.shape[2] == 3) or array.size == 0:
        raise ValueError(f"array (shape {array.shape}) must be (H, W) or (H, W, 3), and not empty")
    if not np.isfinite(array).all():
        raise ValueError("array must hold finite numbers: a colour for nan or inf would be a lie")
    if array.ndim == 2:
        if cmap == "signed":
            limit = np.abs(array).max()
            low, high = (-limit if vmin is None else vmin), (limit if vmax is None else vmax)
        else:
            low, high = (array.min() if vmin is None else vmin), (array.max() if vmax is None else vmax)
        share = (array - low) / (high - low) if high > low else np.full(array.shape, 0.5 if cmap == "signed" else 0.0)
        colours = COLOUR_MAPS.get(cmap) if isinstance(cmap, str) else cmap
        array = (colours or matplotlib.colormaps[cmap])(share.clip(0, 1))[..., :3]
    buffer = io.BytesIO()
    Image.fromarray((array.clip(0, 1) * 255).round().astype(np.uint8)).save(buffer, "png", compress_level=1)
    return buffer.getvalue()


def figure_png(fig, dpi=80):
    """Return an off-screen Figure as the bytes of a PNG, packed quickly rather than tightly: it is redrawn at once."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
    return buffer.getvalue()


def data_uri(png):
    """Return the bytes of a PNG as an address that an HTML image can carry in itself."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def html_image(png, alt, width=None, height=None, pixelated=True):
    """Return an HTML image that carries its picture and its words in itself.

    png:       bytes of a PNG
    alt:       what it shows, in words, for readers who cannot see it
    width:     CSS pixels (None: as the PNG, or as the height asks); the same for height
    pixelated: keep the edges of enlarged cells sharp
    raises:    ValueError for an empty alt
    """
    alt = words(alt)
    sizes = "".join(f"{name}:{value:g}px;" for name, value in (("width", width), ("height", height)) if value)
    return (
        f'<img alt="{html.escape(alt)}" src="{data_uri(png)}" style="{sizes}max-width:100%;'
        f'{"image-rendering:pixelated;" if pixelated else ""}background:white">'
    )


def problem(text):
    """Return an HTML message that says why nothing is drawn; screen readers speak it at once. Empty for an empty text."""
    if not text:
        return ""
    return (
        '<div role="alert" style="padding:12px 16px;border-left:5px solid #D55E00;font-size:16px;line-height:1.5;'
        f'color:var(--jp-ui-font-color1,inherit);background:rgba(213,94,0,.12)">{html.escape(text)}</div>'
    )


def words(alt):
    """Return alt on one line; ValueError where it says nothing."""
    if not (isinstance(alt, str) and alt.strip()):
        raise ValueError(f"alt (={alt!r}) must say in words what is shown, for readers who cannot see it")
    return " ".join(alt.split())


class Still:
    """Mixed into a widget, before the widget's class: gives it a picture and a sentence for where nothing can move.

    The class that uses it has `alt`, a sentence (also the text form, so without measured numbers), and `still()`, which
    returns an off-screen Figure or the bytes of a PNG of what the widget shows now. A notebook then holds the live
    widget, the picture and the sentence in one output, and each reader shows the best that it can.

        class Bars(Still, ipywidgets.VBox): ...
    """

    alt = ""

    def still(self):
        """Return a Figure, or the bytes of a PNG, of what is shown now."""
        raise NotImplementedError(f"{type(self).__name__} must have still()")

    def _repr_mimebundle_(self, **kwargs):
        live = super()._repr_mimebundle_(**kwargs)
        live, metadata = live if isinstance(live, tuple) else (live, {})
        picture, alt = self.still(), words(self.alt)
        if isinstance(picture, bytes):
            data = {"image/png": base64.b64encode(picture).decode(), "text/plain": alt}
            about = {"image/png": {"alt": alt, "needs_background": "light"}}
        else:
            data, about = bundle(picture, alt)
        return {**(live or {}), **data}, {**(metadata or {}), **about}

    def __repr__(self):
        return words(self.alt)

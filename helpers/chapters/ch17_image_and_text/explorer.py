"""The explorer of chapter 15: the side of a square, and its cells. Whole numbers only."""

import numpy as np

from helpers import plots
from helpers.course.explorers.ground import html_image, pixel_png
from helpers.course.explorers.panel import LATE, Panel, slider, whole

SIDES = (1, 20)


def checkerboard(side):
    """Return the cells of a square, dark and light in turn: (side, side), 0 and 1."""
    return np.indices((side, side)).sum(0) % 2


class ImageAndTextExplorer(Panel):
    """Show a square and count its cells. The last line of a cell.

    side:   cells of its side, 1 to 20
    raises: ValueError for another side
    """

    def __init__(self, side=4):
        super().__init__()
        self.side = whole("side", side, *SIDES)
        self.refresh()

    def hear(self, name, value):
        setattr(self, name, value)

    def refresh(self):
        picture = pixel_png(checkerboard(self.side), 0, 1)
        self.fixed = {"frame": FRAME}
        self.parts = {
            "picture": html_image(picture, f"a square of {self.side} by {self.side} cells", width=240, height=240),
            "words": f"{self.side} × {self.side} = {self.side**2} cells.",
        }
        self.values = {"side": self.side}

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        return f"Square explorer. {self.side} by {self.side}: {self.side**2} cells."

    def still(self):
        """Return a figure of the square."""
        fig, ax = plots.figure(1, 1, width=4, height=4)
        plots.draw_image(ax, checkerboard(self.side), f"{self.side**2} cells")
        return fig


FRAME = f"""{LATE}
<div class="panel-top"><label>side {slider("side", "side of the square", *SIDES)} <b data-show="side"></b></label></div>
<div data-part="picture"></div>
<div data-part="words" role="status"></div>
"""

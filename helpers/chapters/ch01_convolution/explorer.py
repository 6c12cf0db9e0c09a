"""The convolution explorer: move the window, change the kernel, and see which inputs make which output.

Drawn and computed in the browser (explorer.js), in double precision, so it answers at once and lives on in a page
without a kernel. What is here: its settings, the pictures and kernels it offers, and its still picture.
"""

import functools
import os
from pathlib import Path

import anywidget
import numpy as np
import PIL.Image
import torch
import torch.nn.functional as F
import traitlets as tr

from helpers import data, plots
from helpers.checks import check_choice, whole
from helpers.course.explorers.ground import Still
from helpers.course.explorers.pictures import SCRIPT, Gallery, Picture, Uploads

HERE = Path(__file__).parent
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
LIMITS = {"kernel_size": (1, 7), "stride": (1, 4), "padding": (0, 3), "dilation": (1, 3)}
LARGEST = 64
PAINT = "paint"
SIDE = 28  # of a photograph, whose green channel is shown

# A digit drawn for this course: shown where data/ is missing.
SEVEN = """
00000000
05999900
05777990
00000980
00006930
00018700
00079200
00397000
"""


def rows(array, name):
    """Return (H, W) or (1, H, W) numbers as a list of lists, which travels to the browser without loss.

    raises: ValueError for another shape or values that are not finite
    """
    if torch.is_tensor(array):
        array = array.detach().cpu()
    try:
        array = np.asarray(array, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} (={array!r:.60}) must be numbers, (H, W) or (1, H, W)") from None
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"{name} (shape {tuple(array.shape)}) must be (H, W) or (1, H, W): choose one channel, as in image[0]"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must hold finite numbers, and holds nan or inf")
    return array.tolist()


def image_rows(array, name="image"):
    """Return rows() of an input image; ValueError where it is too large for its cells to be seen."""
    found = rows(array, name)
    if max(len(found), len(found[0])) > LARGEST:
        raise ValueError(
            f"{name} ({len(found)} x {len(found[0])}) has too many cells to see: "
            f"at most {LARGEST} x {LARGEST}, so crop or shrink it first"
        )
    return found


def kernel_rows(array, name="kernel"):
    """Return rows() of a kernel; ValueError where it is not square or larger than 7 x 7."""
    found, largest = rows(array, name), LIMITS["kernel_size"][1]
    if len(found) != len(found[0]) or len(found) > largest:
        raise ValueError(f"{name} ({len(found)} x {len(found[0])}) must be K x K with K from 1 to {largest}")
    return found


def preset(name, kernel_size):
    """Return one of the PRESETS as a (K, K) array.

    The 3 x 3 ones are the textbook's; the other sizes follow the same rule. A 1 x 1 kernel has no neighbours to compare
    with, so every preset is then [[1]].
    """
    K = kernel_size
    if name not in PRESETS:
        raise ValueError(f"kernel (={name!r}) must be one of {', '.join(PRESETS)}, or a K x K array")
    if K == 1:
        return np.ones((1, 1))
    centre, place = (K - 1) // 2, np.arange(K)
    one = np.zeros((K, K))
    one[centre, centre] = 1
    slope = np.sign(2 * place - (K - 1)).astype(float)
    if name == "identity":
        return one
    if name == "blur":
        return np.full((K, K), 1 / K**2)
    if name == "vertical edges":
        return np.tile(slope, (K, 1))
    if name == "horizontal edges":
        return np.tile(slope, (K, 1)).T.copy()
    if name == "emboss":
        return one + np.clip(place[:, None] + place - (K - 1), -2, 2)
    beside = np.abs(place[:, None] - centre) + np.abs(place - centre) == 1
    return one * (1 + beside.sum()) - beside


PRESETS = ("vertical edges", "horizontal edges", "blur", "sharpen", "emboss", "identity")


def problem(height, width, kernel_size, padding, padding_mode, dilation):
    """Return, in words for a student, why these settings have no output; "" where they have one. explorer.js says the same."""
    size, span = min(height, width), dilation * (kernel_size - 1) + 1
    if padding_mode == "reflect" and padding >= size:
        return (
            f"Reflect mirrors the pixels beyond the border one, so padding ({padding}) must be smaller than the input"
            f" ({size}): take less padding or another mode."
        )
    if padding_mode == "circular" and padding > size:
        return (
            f"Circular goes around the input once at most, so padding ({padding}) must not exceed the input ({size}): "
            "take less padding or another mode."
        )
    if span > size + 2 * padding:
        sum_ = f" = {dilation}·({kernel_size} − 1) + 1" if dilation > 1 else ""
        return (
            f"The kernel spans {span}{sum_} pixels and does not fit into the padded input of {size} + 2·{padding} ="
            f" {size + 2 * padding}: take a smaller kernel,{' less dilation' if dilation > 1 else ''} or more padding.".replace(
                ", or", " or"
            )
        )
    return ""


@functools.cache
def samples():
    """Return {name: rows}: a digit, one channel of two photographs, a boot; those whose data file is there.

    Values are rounded (the digit's to tenths, the others' to hundredths), so that the sum that is written out adds up.
    """
    from importlib import import_module

    def digit(data):
        images = data.digits()
        return "digit 3", images.images[int((images.labels == 3).nonzero()[0])][0], 1

    def photograph(name):
        return lambda data: (f"{name}, green channel", data.photograph(name, size=28)[1], 2)

    def boot(data):
        images = data.fashion_mnist(train=False)
        name = next(n for n in images.classes if "boot" in n.lower())
        return name.lower(), images.images[int((images.labels == images.classes.index(name)).nonzero()[0])][0], 2

    found = {}
    for sample in (digit, photograph("coffee"), photograph("cat"), boot):
        try:
            name, image, places = sample(import_module("helpers.data"))
            found[name] = image_rows(np.round(np.asarray(image, dtype=float), places))
        except (ImportError, OSError, ValueError, AttributeError, StopIteration, IndexError):
            continue
    if "digit 3" not in found:
        found = {"digit 7": [[int(v) / 10 for v in line] for line in SEVEN.split()], **found}
    return found


class Limited(tr.Int):
    """A whole number within LIMITS, set by a slider in the browser."""

    def validate(self, obj, value):
        return whole(self.name, value, *LIMITS[self.name])


class Rows(tr.TraitType):
    """A matrix, kept as a list of lists; takes arrays and tensors."""

    def __init__(self, check, default):
        super().__init__(default)
        self.check = check

    def validate(self, obj, value):
        return self.check(value, self.name)


def green(picture):
    """Return the rows of a photograph's green channel, SIDE × SIDE, in hundredths.

    picture: a Picture
    """
    return image_rows(np.round(picture.at(SIDE)[1].double().numpy(), 2))


class ConvolutionExplorer(Uploads, Still, anywidget.AnyWidget):
    """Show a convolution that can be moved, edited and pointed at. The last line of a cell displays it.

    image:        None for a choice of pictures, the name of one of them, an (H, W) or (1, H, W) array or tensor of at most
                  64 x 64 values, or a dict of names to such arrays, of which the first is shown; or a photograph of one's own:
                  a path, bytes, PIL image or an array with colours, of which the green channel is shown, 28 × 28
    kernel:       the name of a preset (PRESETS) or a (K, K) array, K from 1 to 7
    kernels:      dict of names to (K, K) arrays, offered as "learnt"
    kernel_size:  of the preset; an array brings its own
    stride, padding, padding_mode, dilation: as in torch.nn.Conv2d, within the sliders' limits
    point:        ("output", row, column) or ("input", row, column): the cell that is lit; None for an output near the middle
    raises:       ValueError that names the argument

    Attributes of the same names follow what is done in the browser and can be set; `picture` is the name of the image,
    `painted` the one that was painted, `kernel` the numbers now. image() and output() return tensors.
    """

    _esm = SCRIPT + (HERE / "explorer.js").read_text(encoding="utf-8")
    _css = (HERE / "explorer.css").read_text(encoding="utf-8")

    pictures = tr.Dict().tag(sync=True)
    picture = tr.Unicode().tag(sync=True)
    painted = Rows(image_rows, [[0.0]]).tag(sync=True)
    presets = tr.Dict().tag(sync=True)
    kernels = tr.Dict().tag(sync=True)
    preset = tr.Unicode().tag(sync=True)
    kernel = Rows(kernel_rows, [[1.0]]).tag(sync=True)
    stride = Limited(1).tag(sync=True)
    padding = Limited(1).tag(sync=True)
    padding_mode = tr.Unicode("zeros").tag(sync=True)
    dilation = Limited(1).tag(sync=True)
    point = tr.List().tag(sync=True)

    def __init__(
        self,
        image=None,
        kernel="vertical edges",
        kernels=None,
        kernel_size=3,
        stride=1,
        padding=1,
        padding_mode="zeros",
        dilation=1,
        point=None,
    ):
        self.gallery, given = Gallery("cat"), None
        if image is None or isinstance(image, str) and image in (*samples(), PAINT):
            pictures, given = dict(samples()), image
        elif isinstance(image, dict):
            pictures = {str(name): image_rows(array, f"image[{name!r}]") for name, array in image.items()}
            if not pictures:
                raise ValueError("image (={}) must hold at least one picture")
        elif not isinstance(image, (str, bytes, os.PathLike, PIL.Image.Image)) and np.ndim(image) in (0, 1, 2):
            pictures = {"image": image_rows(image)}
        elif np.shape(image)[:1] == (1,):
            pictures = {"image": image_rows(image)}
        else:
            self._take_own(image)
            pictures = {self.gallery.now.name: green(self.gallery.now)}
        low, high = LIMITS["kernel_size"]
        whole("kernel_size", kernel_size, low, high)
        check_choice("padding_mode", padding_mode, PADDING_MODES)
        if point is not None and not isinstance(point, (tuple, list)):
            raise ValueError(f"point (={point!r}) must be None or ('output' or 'input', row, column)")
        learnt = {str(name): kernel_rows(array, f"kernels[{name!r}]") for name, array in (kernels or {}).items()}
        known = isinstance(kernel, str)
        numbers = (
            (learnt[kernel] if kernel in learnt else preset(kernel, kernel_size).tolist())
            if known
            else kernel_rows(kernel)
        )
        super().__init__(
            pictures=pictures | self._own_ones(),
            picture=given or next(iter(pictures)),
            painted=np.eye(8) * (np.arange(8) > 0) * (np.arange(8) < 7),
            presets={name: {str(K): preset(name, K).tolist() for K in range(low, high + 1)} for name in PRESETS},
            kernels=learnt,
            preset=kernel if known else "",
            kernel=numbers,
            stride=stride,
            padding=padding,
            padding_mode=padding_mode,
            dilation=dilation,
        )
        if point is None:
            height, width = self._sizes()
            point = ("output", height // 2, width // 2)
        self.point = list(point)

    def _take_own(self, image):
        try:
            self.gallery = Gallery(image)
        except ValueError as error:
            names = ", ".join((*samples(), PAINT))
            raise ValueError(
                f"image (={image!r:.60}) must be one of {names}, an array (H, W), or a picture: {error}"
            ) from None

    def _own_ones(self):
        """Return {name: rows} of what lies in my_pictures/ and can be read."""
        for name in data.own_pictures():
            try:
                self.gallery.given[name] = Picture(name, name)
            except (OSError, ValueError):
                continue
        return {name: green(picture) for name, picture in self.gallery.given.items()}

    def show_picture(self):
        """Show what was uploaded."""
        now = self.gallery.now
        self.pictures = {**self.pictures, now.name: green(now)}
        self.picture = now.name

    @tr.observe("picture")
    def _say(self, change):
        given = self.gallery.given.get(change.new)
        self.said = given.said if given else ""

    @tr.validate("padding_mode")
    def _known_mode(self, proposal):
        return check_choice("padding_mode", proposal["value"], PADDING_MODES)

    @tr.validate("picture")
    def _known_picture(self, proposal):
        return check_choice("picture", proposal["value"], (*self.pictures, PAINT))

    @tr.validate("point")
    def _known_point(self, proposal):
        point = list(proposal["value"])
        if point and not (
            len(point) == 3 and point[0] in ("input", "output") and all(isinstance(i, int) for i in point[1:])
        ):
            raise ValueError(f"point (={point!r}) must be empty or ('output' or 'input', row, column)")
        return point

    def get_state(self, key=None, drop_defaults=False):
        """Return all that the browser needs: a page without a kernel does not know the defaults, its own module included."""
        return super().get_state(key, drop_defaults=False)

    def image(self):
        """Return the input image shown now: (H, W), float64."""
        return torch.tensor(self.painted if self.picture == PAINT else self.pictures[self.picture], dtype=torch.float64)

    def output(self):
        """Return the feature map of the settings now: (H_out, W_out), float64, computed by torch.

        raises: ValueError where the settings have none
        """
        image, kernel = self.image(), torch.tensor(self.kernel, dtype=torch.float64)
        wrong = problem(*image.shape, len(kernel), self.padding, self.padding_mode, self.dilation)
        if wrong:
            raise ValueError(wrong)
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        padded = F.pad(image[None, None], [self.padding] * 4, mode=mode)
        return F.conv2d(padded, kernel[None, None], stride=self.stride, dilation=self.dilation)[0, 0]

    def _sizes(self):
        span = self.dilation * (len(self.kernel) - 1) + 1
        return [(size + 2 * self.padding - span) // self.stride + 1 for size in self.image().shape]

    def _named(self):
        """Return the name of the kernel shown, as the browser finds it."""
        K = str(len(self.kernel))
        offers = {**{name: sizes[K] for name, sizes in self.presets.items()}, **self.kernels}
        names = [self.preset] if self.preset in offers else []
        return next((name for name in [*names, *offers] if offers[name] == self.kernel), "own numbers")

    @property
    def alt(self):
        """What is shown now, in a sentence."""
        (height, width), K = self.image().shape, len(self.kernel)
        dilated = f", dilation {self.dilation}" if self.dilation > 1 else ""
        head = (
            f"Convolution explorer. Input: {self.picture}, {height} x {width}. Kernel: {self._named()}, {K} x {K}. "
            f"Stride {self.stride}, padding {self.padding} ({self.padding_mode}){dilated}. "
        )
        if problem(height, width, K, self.padding, self.padding_mode, self.dilation):
            return head + "These settings have no output."
        return head + "Output: {} x {}. ".format(*self._sizes()) + self.said

    def still(self):
        """Return a figure of input, kernel and output as they are now."""
        fig, axes = plots.figure(1, 3, width=11, height=4.7, width_ratios=[1, 0.72, 1])
        image, kernel = self.image().numpy(), np.array(self.kernel)
        plots.draw_image(axes[0], image, f"input {image.shape[0]} × {image.shape[1]}")
        plots.draw_numbers(axes[1], kernel, f"kernel {len(kernel)} × {len(kernel)}", fmt="{:.2g}")
        try:
            output = self.output().numpy()
            plots.draw_image(
                axes[2], output, f"output {output.shape[0]} × {output.shape[1]}", signed=bool(output.min() < -1e-9)
            )
        except ValueError:
            axes[2].set_axis_off()
            axes[2].text(
                0.5, 0.5, "no output with\nthese settings", ha="center", va="center", transform=axes[2].transAxes
            )
        return fig

"""A student's own picture: from a file, bytes, Pillow, NumPy or torch, made upright, opaque and RGB. Nothing leaves the machine."""

import io
import os
import warnings
from pathlib import Path

import numpy as np
import torch

from helpers.data import files

OWN = "my_pictures"
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".ppm")
# What Pillow may decode: not EPS, for which it would start another program.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "PPM")
LONGEST = 2048  # pixels of a side: what is larger is reduced as it is decoded
MOST = {"JPEG": 120_000_000, "MPO": 120_000_000}  # pixels; these are decoded reduced
MOST_ELSE, MOST_BYTES = 50_000_000, 200_000_000
AGAIN = "Save it again as JPEG or PNG with another program, or take another picture"
KINDS = (
    "a shipped name, the path of a file, a file's bytes, a PIL image, an array (H, W), (H, W, 3) or (H, W, 4), or a"
    " tensor (C, H, W)"
)


def own_folder():
    """Return where a student's own pictures are looked for: COURSE_PICTURES, or my_pictures/ beside helpers/.

    Where the course was installed from a wheel: my_pictures/ in the folder in which Python runs.
    """
    beside = Path.cwd() if files.installed() else Path(__file__).resolve().parents[2]
    return Path(os.environ.get("COURSE_PICTURES") or beside / OWN)


def own_pictures():
    """Return the names of the pictures in my_pictures/, a tuple in order: what each explorer lists beside the shipped ones."""
    try:
        return tuple(sorted(each.name for each in own_folder().iterdir() if each.suffix.lower() in ENDINGS))
    except OSError:
        return ()


def own_picture(picture):
    """Return a picture of any kind: (3, H, W) float32 from 0 to 1; that of a file or of Pillow has no side above LONGEST.

    picture: see photograph
    raises:  ValueError, FileNotFoundError, in a sentence that says what to do
    """
    from PIL import Image  # here, as importing helpers.data must stay light

    if isinstance(picture, (str, os.PathLike)):
        return from_file(found(picture))
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return from_file(io.BytesIO(picture))
    if isinstance(picture, Image.Image):
        try:
            return from_image(picture)
        except Exception as error:  # it may be lazy: of a file that is not read yet
            raise ValueError(
                f"picture ({picture.format or 'PIL image'}) cannot be decoded ({error}). {AGAIN}"
            ) from None
    if torch.is_tensor(picture):
        return from_numbers(picture.detach().cpu().numpy(), first=True)
    return from_numbers(picture, first=False)


# ---- files


def found(path):
    """Return the path of a file, in my_pictures/ or where it says; ValueError where a word is no path, FileNotFoundError."""
    name = os.fspath(path)
    if not isinstance(name, str):
        raise ValueError(f"picture (={path!r:.60}) must be {KINDS}")
    places = [os.path.join(own_folder(), name), os.path.abspath(os.path.expanduser(name))]
    for place in places:
        if os.path.isfile(place):
            return place
    if any(map(os.path.isdir, places)):
        raise ValueError(f"picture (={name!r:.100}) is a folder, and must be {KINDS}: give one in it")
    if isinstance(path, str) and not os.path.splitext(name)[1] and not {"/", os.sep} & set(name):
        from helpers.data.photographs import PHOTOGRAPHS

        names = ", ".join((*PHOTOGRAPHS, *own_pictures()))
        raise ValueError(f"picture (={name!r:.60}) must be one of {names}, or the path of a picture")
    raise FileNotFoundError(
        f"picture (={name!r:.100}) is neither in {OWN}/ nor at {places[1]:.200}. Nothing is fetched from the network: copy"
        f" the file into {own_folder()}"
    )


def from_file(file):
    """Return the picture in a file, a path or BytesIO, whatever is wrong with it said in a sentence."""
    from PIL import Image  # here, as importing helpers.data must stay light

    called = "picture" if isinstance(file, io.BytesIO) else f"picture (={os.path.basename(file)!r:.100})"
    try:
        size = len(file.getbuffer()) if isinstance(file, io.BytesIO) else os.path.getsize(file)
        if not size:
            raise ValueError(f"{called} is empty, 0 bytes: copy it again")
        if size > MOST_BYTES:
            raise ValueError(
                f"{called} has {size / 1e6:,.0f} MB, more than the {MOST_BYTES / 1e6:.0f} allowed. {AGAIN}"
            )
        if isinstance(file, io.BytesIO):
            start = bytes(file.getbuffer()[:12])
        else:
            with open(file, "rb") as opened:
                start = opened.read(12)
    except OSError as error:
        raise ValueError(
            f"{called} cannot be opened: {error.strerror}. Copy it elsewhere, and give that path"
        ) from None
    heic = start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
    if heic and not reads_heic():
        raise ValueError(
            f"{called} is a HEIC picture, as telephones save them, which the package pillow-heif reads:"
            " `pip install pillow-heif`, then restart the kernel. Or save it as JPEG"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's warnings of large files: the limits here are our own
            Image.init()
            with Image.open(file, formats=[each for each in FORMATS if each in Image.OPEN]) as image:
                pixels, most = image.width * image.height, MOST.get(image.format, MOST_ELSE)
                most = MOST_ELSE if image.info.get("progressive") else most  # its parts are kept whole until the last
                if pixels > most:
                    raise Image.DecompressionBombError
                image.draft("RGB" if image.mode != "CMYK" else "CMYK", (LONGEST // 2, LONGEST // 2))
                return from_image(image)
    except Image.DecompressionBombError:
        raise ValueError(
            f"{called} has too many pixels to be decoded safely. Make it smaller with another program"
        ) from None
    except Image.UnidentifiedImageError:
        raise ValueError(f"{called} is not a picture that can be read, whatever its name says. {AGAIN}") from None
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise ValueError(
            f"{called} is cut short or damaged ({error}). Copy it again, or take another picture"
        ) from None


def reads_heic():
    """Return whether the package that reads HEIC is there, and let Pillow use it."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


# ---- Pillow's images, and numbers


def from_image(image):
    """Return a PIL image: upright, on white where it is transparent, its longer side at most LONGEST."""
    from PIL import Image, ImageOps  # here, as importing helpers.data must stay light

    if image.mode in ("I", "F") or image.mode.startswith("I;16"):  # grey of more than 8 bits
        values = np.asarray(image).astype(np.float64)
        top = 1.0 if image.mode == "F" else 65535.0
        if not (np.isfinite(values).all() and 0 <= values.min() and values.max() <= top):
            raise ValueError(f"its values must be from 0 to {top:g}")
        turned = image.getexif().get(0x0112, 1)
        image = Image.fromarray((values * 255 / top).round().astype(np.uint8))
        image.getexif()[0x0112] = turned
    elif image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode != "RGB":
        turned = image.getexif()
        image = image.convert("RGB")
    if max(image.size) > LONGEST:
        image = image.copy()
        image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS, reducing_gap=2.0)
    image = ImageOps.exif_transpose(image)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).contiguous().float() / 255


def from_numbers(array, first):
    """Return an array or what becomes one; first: where both could be, the channels are the first axis, not the last."""
    try:
        array = np.asarray(array)
        if array.dtype.kind not in "buif":
            raise TypeError
    except (TypeError, ValueError):
        raise ValueError(f"picture (={array!r:.60}) must be {KINDS}") from None
    last, begin = array.ndim == 3 and array.shape[2] in (1, 3, 4), array.ndim == 3 and array.shape[0] in (1, 3, 4)
    if array.ndim == 2:
        array = array[None]
    elif last and not (begin and first):
        array = array.transpose(2, 0, 1)
    elif not begin:
        raise ValueError(f"picture (shape {array.shape}) must be {KINDS}; of several, give one: pictures[0]")
    if not array.size:
        raise ValueError(f"picture (shape {array.shape}) is empty: it must have at least one pixel")
    top = {"b": 1, "f": 1, "u": 65535 if array.dtype == np.uint16 else 255, "i": 255}[array.dtype.kind]
    array = array.astype(np.float32)
    low, high = array.min(), array.max()
    if not (np.isfinite(array).all() and low >= -1e-6 and high <= top * (1 + 1e-6)):
        advice = "divide bytes by 255" if top == 1 else "scale them"
        raise ValueError(f"picture (from {low:.4g} to {high:.4g}) must hold numbers from 0 to {top}: {advice}")
    array = (array / top).clip(0, 1)
    if len(array) == 4:
        array = array[:3] * array[3] + 1 - array[3]
    return torch.from_numpy(np.array(np.broadcast_to(array, (3, *array.shape[1:]))))

"""A student's own picture, in every kind and every way to be wrong: its pixels against what was drawn, its sentences."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import data
from helpers.data import pictures

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
CORNERS = np.zeros((64, 96, 3), np.uint8)  # in quarters: red, green / blue, white
CORNERS[:32, :48], CORNERS[:32, 48:], CORNERS[32:, :48], CORNERS[32:, 48:] = RED, GREEN, BLUE, WHITE


def encoded(image, kind="png", **more):
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


def corners(picture):
    """Return the colours near the four corners of a picture, as whole numbers: top left, top right, bottom left, bottom right."""
    height, width = picture.shape[1:]
    rows, columns = (height // 8, height - 1 - height // 8), (width // 8, width - 1 - width // 8)
    return [tuple(round(v * 255) for v in picture[:, y, x].tolist()) for y in rows for x in columns]


def near(found, wanted, within=6):
    return all(abs(a - b) <= within for f, w in zip(found, wanted, strict=True) for a, b in zip(f, w, strict=True))


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The folder of a student's own pictures."""
    monkeypatch.setenv("COURSE_PICTURES", str(tmp_path))
    return tmp_path


# ---- what is right

IMAGE, TENSOR = Image.fromarray(CORNERS), torch.tensor(CORNERS)
PALETTE = IMAGE.quantize(4)
KINDS = {
    "png": encoded(IMAGE),
    "jpeg": encoded(IMAGE, "jpeg", quality=95, subsampling=0),
    "progressive": encoded(IMAGE, "jpeg", quality=95, subsampling=0, progressive=True),
    "webp": encoded(IMAGE, "webp", lossless=True),
    "gif": encoded(IMAGE.quantize(8), "gif"),
    "bmp": encoded(IMAGE, "bmp"),
    "tiff": encoded(IMAGE, "tiff"),
    "palette": encoded(IMAGE.quantize(8)),
    "palette, transparent white": encoded(PALETTE, transparency=PALETTE.getpixel((95, 63))),
    "cmyk": encoded(IMAGE.convert("CMYK"), "jpeg", quality=95, subsampling=0),
    "cmyk tiff": encoded(IMAGE.convert("CMYK"), "tiff"),
    "opaque rgba": encoded(IMAGE.convert("RGBA")),
    "bytearray": bytearray(encoded(IMAGE)),
    "PIL": IMAGE,
    "PIL, YCbCr": IMAGE.convert("YCbCr"),
    "(H, W, 3) uint8": CORNERS,
    "(H, W, 3) float64": CORNERS / 255,
    "(H, W, 3) int64": CORNERS.astype(int),
    "(H, W, 4) uint8": np.dstack([CORNERS, np.full((64, 96), 255, np.uint8)]),
    "(3, H, W) array": CORNERS.transpose(2, 0, 1),
    "(3, H, W) uint16": CORNERS.transpose(2, 0, 1).astype(np.uint16) * 257,
    "(3, H, W) tensor": TENSOR.permute(2, 0, 1),
    "(3, H, W) float tensor, with a gradient": (TENSOR.permute(2, 0, 1) / 255).requires_grad_(),
    "(H, W, 3) tensor": TENSOR,
    "list": CORNERS.tolist(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_pixels(kind):
    picture = data.photograph(KINDS[kind])
    assert picture.shape == (3, 64, 96) and picture.dtype == torch.float32 and not picture.requires_grad
    assert near(corners(picture), [RED, GREEN, BLUE, WHITE])
    assert data.photograph(KINDS[kind], 20).shape == (3, 20, 20)


# What the upright picture looks like when a camera stored it so: (orientation, what was done to the pixels).
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize("turned", STORED)
def test_exif_is_turned_upright(turned, kind):
    exif = Image.Exif()
    exif[0x0112] = turned
    stored = Image.fromarray(np.ascontiguousarray(STORED[turned](CORNERS)))
    picture = data.photograph(encoded(stored, kind, exif=exif, **(dict(quality=95) if kind == "jpeg" else {})))
    assert picture.shape == (3, 64, 96) and near(corners(picture), [RED, GREEN, BLUE, WHITE], 12)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_exif_of_grey_pictures_too(mode):
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(CORNERS, 1))).convert(mode)
    assert data.photograph(encoded(stored, exif=exif)).shape == (3, 64, 96)


def test_alpha_lies_on_white():
    """Half transparent red on white is pink; wholly transparent is white, whatever colour is hidden there."""
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:4], pixels[4:] = (255, 0, 0, 128), (0, 0, 255, 0)
    for kind in (encoded(Image.fromarray(pixels)), encoded(Image.fromarray(pixels), "webp", lossless=True), pixels):
        found = corners(data.photograph(kind))
        assert near(found, [(255, 127, 127)] * 2 + [WHITE] * 2, 2)
    grey = Image.fromarray(pixels).convert("LA")
    assert near(corners(data.photograph(encoded(grey)))[2:], [WHITE] * 2)
    keyed = encoded(Image.fromarray(CORNERS), transparency=RED)  # a colour that counts as transparent
    assert near(corners(data.photograph(keyed)), [WHITE, GREEN, BLUE, WHITE])


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_sixteen_bits_keep_their_brightness(kind):
    ramp = np.linspace(0, 65535, 256).reshape(16, 16).round().astype(np.uint16)
    picture = data.photograph(encoded(Image.fromarray(ramp), kind))
    wanted = torch.from_numpy(ramp / 65535).float().expand(3, 16, 16)
    torch.testing.assert_close(picture, wanted, atol=0.5 / 255 + 1e-6, rtol=0)
    torch.testing.assert_close(data.photograph(ramp), wanted)


def test_grey_and_one_bit_have_three_equal_channels():
    ramp = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    for kind in (encoded(Image.fromarray(ramp)), ramp, ramp[None], ramp[..., None], torch.tensor(ramp), ramp / 255):
        picture = data.photograph(kind)
        torch.testing.assert_close(picture, torch.tensor(ramp / 255).float().expand(3, 8, 8))
    for kind in (encoded(Image.fromarray(ramp > 100)), ramp > 100):
        assert torch.equal(data.photograph(kind)[1], torch.tensor(ramp > 100).float())


def test_one_pixel_fills_the_square():
    for kind in (encoded(Image.new("RGB", (1, 1), RED)), np.array([[RED]], np.uint8)):
        assert data.photograph(kind).shape == (3, 1, 1)
        assert torch.equal(data.photograph(kind, 8), torch.tensor([1.0, 0, 0])[:, None, None].expand(3, 8, 8))


def test_a_strip_gives_its_middle_at_once():
    """A strip of 1 by 20,000 in a square of 1000 would else pass through twenty million columns."""
    strip = np.zeros((1, 20_000, 3), np.uint8)
    strip[:, 9_990:10_010] = GREEN
    assert data.photograph(strip, 1000).mean((1, 2)).tolist() == pytest.approx([0, 1, 0], abs=1e-3)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_huge_one_is_reduced(kind):
    picture = data.photograph(encoded(IMAGE.resize((6000, 4000), Image.Resampling.NEAREST), kind))
    assert max(picture.shape) <= 2048 and picture.shape[1] >= 682
    assert picture.shape[2] / picture.shape[1] == pytest.approx(1.5, rel=1e-3)
    assert near(corners(picture), [RED, GREEN, BLUE, WHITE], 12)


def test_arrays_and_tensors_are_read_by_their_own_habits():
    """Three rows and three columns: an array's channels are last, a tensor's first."""
    numbers = np.arange(27).reshape(3, 3, 3)
    assert torch.equal((data.photograph(torch.tensor(numbers)) * 255).round().int(), torch.tensor(numbers).int())
    assert torch.equal((data.photograph(numbers) * 255).round().int(), torch.tensor(numbers.transpose(2, 0, 1)).int())


def test_the_first_of_several_frames_is_taken():
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    assert near(corners(data.photograph(encoded(frames[0], "gif", save_all=True, append_images=frames[1:]))), [RED] * 4)


def test_the_argument_is_not_changed():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(io.BytesIO(encoded(IMAGE.resize((3000, 2000)), exif=exif)))
    data.photograph(image)
    assert image.size == (3000, 2000) and image.getexif()[0x0112] == 6
    tensor = torch.rand(3, 4, 5)
    data.photograph(tensor).zero_()
    assert tensor.max() > 0


def test_files_are_found_in_my_pictures_and_by_their_path(mine, tmp_path, monkeypatch):
    (mine / "고양이.png").write_bytes(KINDS["png"])
    (mine / "notes.txt").write_text("no picture")
    (mine / ".hidden").write_text("nor this")
    elsewhere = tmp_path / "other" / "b c.jpg"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(KINDS["jpeg"])
    assert data.own_pictures() == ("고양이.png",) and data.own_folder() == mine
    monkeypatch.chdir(elsewhere.parent)
    for name in ("고양이.png", elsewhere, str(elsewhere), "b c.jpg", Path("b c.jpg")):
        assert near(corners(data.photograph(name)), [RED, GREEN, BLUE, WHITE])


def test_without_the_folder_the_list_is_empty(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_PICTURES", str(tmp_path / "none"))
    assert data.own_pictures() == ()
    monkeypatch.delenv("COURSE_PICTURES")
    assert data.own_folder().name == "my_pictures"


# ---- what is wrong


def bomb(side=60_000):
    """Return a PNG of a few hundred bytes that says it has side × side pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(9999))) + chunk(b"IEND", b"")
    )


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
WRONG = {
    "text.jpg": (b"these are words, not a picture", r"\(='text.jpg'\) is not a picture that can be read"),
    "cut.jpg": (KINDS["jpeg"][: len(KINDS["jpeg"]) // 2], r"\(='cut.jpg'\) is cut short or damaged .* Copy it again"),
    "cut.png": (KINDS["png"][:-40], r"\(='cut.png'\) is cut short or damaged"),
    "noise.jpg": (KINDS["jpeg"][:20] + bytes(500), r"\(='noise.jpg'\) is"),
    "bomb.png": (bomb(), r"\(='bomb.png'\) has too many pixels to be decoded safely. Make it smaller"),
    "bomb2.png": (bomb(9000), r"\(='bomb2.png'\) has too many pixels"),
    "empty.png": (b"", r"\(='empty.png'\) is empty, 0 bytes"),
    "photo.heic": (HEIC, r"\(='photo.heic'\) is a HEIC picture.*`pip install pillow-heif`"),
    "script.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", r"is not a picture that can be read"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_file_is_refused_in_a_sentence(mine, name, monkeypatch):
    content, words = WRONG[name]
    monkeypatch.setattr(pictures, "reads_heic", lambda: False)
    (mine / name).write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        data.photograph(name)
    assert str(caught.value).count(". ") <= 2 and len(str(caught.value)) < 300 and "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"^picture "):
        data.photograph(content)


@pytest.mark.parametrize(
    ("picture", "error", "words"),
    [
        ("dog", ValueError, r"picture \(='dog'\) must be one of astronaut, .*, or the path of a picture"),
        ("dog.jpg", FileNotFoundError, r"is neither in my_pictures/ nor at .* copy the file into"),
        (Path("dog"), FileNotFoundError, r"is neither in my_pictures/"),
        ("https://a.b/c.jpg", FileNotFoundError, r"Nothing is fetched from the network"),
        ("x" * 5000, ValueError, r"must be one of"),
        ("a\0b.jpg", FileNotFoundError, r"is neither in"),
        (".", ValueError, r"is a folder, and must be a shipped name"),
        ("", ValueError, r"is a folder"),
        (None, ValueError, r"picture \(=.*None.*\) must be a shipped name, the path of a file"),
        (3.5, ValueError, r"picture \(shape \(\)\) must be"),
        (object(), ValueError, r"must be a shipped name"),
        ([[1, 2], [3]], ValueError, r"must be a shipped name"),
        (np.zeros((2, 3, 8, 8)), ValueError, r"picture \(shape \(2, 3, 8, 8\)\) must be .*of several, give one"),
        (np.zeros((5, 8, 2)), ValueError, r"picture \(shape \(5, 8, 2\)\)"),
        (np.zeros((0, 8, 3)), ValueError, r"is empty: it must have at least one pixel"),
        (np.full((4, 4), 255.0), ValueError, r"from 255 to 255\) must hold numbers from 0 to 1: divide bytes by 255"),
        (np.full((4, 4), -1), ValueError, r"must hold numbers from 0 to 255"),
        (np.full((4, 4), np.nan), ValueError, r"must hold numbers from 0 to 1"),
        (np.zeros((4, 4), complex), ValueError, r"must be a shipped name"),
        (Image.fromarray(np.full((4, 4), -2.0, np.float32)), ValueError, r"cannot be decoded .*from 0 to 1"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(mine, picture, error, words):
    with pytest.raises(error, match=words):
        data.photograph(picture)


def test_a_bomb_of_pixels_takes_no_memory():
    import tracemalloc

    tracemalloc.start()
    with pytest.raises(ValueError, match="too many pixels"):
        data.photograph(bomb())
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_folder_and_a_file_that_may_not_be_read(mine, monkeypatch):
    (mine / "album.jpg").mkdir()
    with pytest.raises(ValueError, match=r"\(='album.jpg'\) is a folder"):
        data.photograph("album.jpg")
    (mine / "a.png").write_bytes(KINDS["png"])

    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refused)
    with pytest.raises(ValueError, match=r"cannot be opened: Permission denied"):
        data.photograph("a.png")

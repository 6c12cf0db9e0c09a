"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "M10",
        "NeRF learns from pictures taken from several sides: a network maps the pixel's position and the viewing direction "
        "to colour and density, and volume rendering makes any view of them.",
        "wrong",
        "the position is that of a point in space, of which many are sampled along the pixel's ray",
    ),
    Claim(
        "M11",
        "A few images suffice for a high quality.",
        "condition",
        "of a small, simple scene a dozen do, four do not: quality rises with the number of views, and the first paper used "
        "100 for each of its synthetic scenes",
    ),
)

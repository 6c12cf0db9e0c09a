"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "B1",
        "The receptive field is the area of input that a unit can see; it grows with depth.",
    ),
    Claim(
        "B2",
        "Big images need many layers before a unit sees enough, which is expensive, so the image is shrunk "
        "inside the network.",
    ),
    Claim(
        "B3",
        "Pooling lowers the resolution by dropping values; 2×2 pooling makes what follows four times cheaper.",
    ),
    Claim(
        "B4",
        "Pooling makes a network robust to small shifts.",
        "condition",
        "only partly: exact inside a window; across windows the sub-sampling breaks it",
    ),
    Claim(
        "B5",
        "Max pooling takes the largest value of a window, average pooling the mean.",
    ),
    Claim(
        "B6",
        "A strided convolution also lowers the resolution, and learns how; pooling has no parameters.",
    ),
    Claim(
        "B7",
        "A strided convolution loses less than pooling, and replaces pooling and convolution by one layer.",
        "condition",
        "the second half is true; the first is a design choice to be measured, not a theorem",
    ),
    Claim(
        "B8",
        "High resolution is too expensive, so the image itself is made smaller before it is fed in.",
        "condition",
        "it does save; whether it costs accuracy at equal multiply-adds depends on the task and on the end of the network, "
        "and what is dropped before the first layer is lost to all of them",
    ),
    Claim(
        "B9",
        "Halving the resolution gives four times the performance.",
        "wrong",
        "it gives a quarter of the cost of what follows; the accuracy does not rise by it",
    ),
    Claim(
        "B10",
        "A strided convolution, too, gives robustness to shifts, as pooling does.",
        "condition",
        "not by itself: it samples every second place and aliases; with a blur before the stride it does",
    ),
)

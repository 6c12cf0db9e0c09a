"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "F1",
        "A normal convolution mixes space and channels at once; MobileNet splits it into a depthwise 3×3 "
        "convolution of each channel, then a pointwise 1×1 convolution.",
    ),
    Claim(
        "F2",
        "That needs about 9 times less compute and far fewer parameters.",
        "condition",
        "the ratio is 1/C_out + 1/K²: always below 9 times for 3×3, 8 to 9 times from 128 channels up; and "
        "multiply-adds are not time",
    ),
    Claim(
        "F3",
        "MobileNet set the standard for light models: depthwise convolution and the (inverted) bottleneck.",
        "condition",
        "V1 has no bottleneck, but multipliers of width and resolution; the inverted residual came with V2; "
        "most light networks since then are depthwise, not all",
    ),
    Claim(
        "F4",
        "MobileNet showed that real-time inference runs on small devices.",
        "condition",
        "at small pictures or small widths: at 224 pixels the published time on a telephone allows 9 to 13 pictures a second",
    ),
)

"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "M8",
        "Segment Anything has an image encoder and a mask decoder that is driven by prompts; points and boxes give masks at "
        "once.",
        "condition",
        "once the encoder has run, which costs more than a thousand times the decoder",
    ),
    Claim(
        "M9",
        "It segments any image without fine-tuning, as the first model that can; its official code is based on Detectron2.",
        "wrong",
        "others segmented by clicks before it, its paper names where it fails, and its code does not import Detectron2, from "
        "which one file is adapted and one small layer copied",
    ),
)

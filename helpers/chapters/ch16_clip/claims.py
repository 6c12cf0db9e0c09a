"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "M3",
        "CLIP: one space for images and texts; classification without training, by prompts.",
        "condition",
        "it names what captions take apart, pairs never seen together too, but not all of them; what captions need not"
        " tell apart it does not learn: who is left of whom is a coin toss",
    ),
    Claim(
        "M4",
        "One pre-trained model serves many tasks without further training.",
        "condition",
        "naming and search, of what captions speak of; how large an object is, a head tells better, and to count, the"
        " tower itself must be trained",
    ),
)

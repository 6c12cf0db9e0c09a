"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "M1",
        "Self-supervised learning takes its signal from the data itself: SimCLR contrasts two views, BYOL has an online"
        " and a target network, DINO distils into a ViT.",
        "condition",
        "BYOL collapses without its stop-gradient (not, here, without its predictor), DINO without centring or without"
        " sharpening; and a ViT is no part of it",
    ),
    Claim(
        "M2",
        "It is very effective where labels are few, and transfers well to other tasks.",
        "condition",
        "with one label a class it beats training on the labels, with ten no longer; and it transfers to tasks that need"
        " what the views have left",
    ),
)

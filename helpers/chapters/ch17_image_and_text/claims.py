"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "M12",
        "Multimodal models serve captioning, visual questions and retrieval (BLIP, MiniGPT-4); picture and text are "
        "fused by cross-attention.",
        "condition",
        "BLIP fuses so; MiniGPT-4 puts vectors of the picture in front of the words, and its language model has no "
        "cross-attention",
    ),
    Claim(
        "M13",
        "Each of these directions needs a GPU, and sets such as COCO, parts of ImageNet, CelebA or LSUN.",
        "wrong",
        "the algorithm does not, and runs in about a minute on small pictures; the published size does",
    ),
)

"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "K1",
        "Swin attends inside windows, then inside shifted windows; stacked, they cover the image. It is "
        "hierarchical, and good for detection and segmentation.",
        "condition",
        "a token's view grows by one window a block, and a window is twice as wide in pixels after each merging: "
        "enough for 224 pixels, not for the 1344 of a detector; without the shift only the merging widens it; good is published; a "
        "plain ViT competed later",
    ),
    Claim(
        "K2",
        "ViT-22B has 22 billion parameters and was trained, supervised, on private data (JFT-3B).",
        "condition",
        "the paper's set is JFT-4B, about 4 billion images",
    ),
    Claim(
        "K3",
        "DINOv2 has up to 1 billion parameters and learnt, self-supervised, from 1.4 billion public web images.",
        "wrong",
        "its set, LVD-142M, is 142 million images, most of them chosen from 1.2 billion; the largest model "
        "has 1.1 billion parameters",
    ),
    Claim(
        "K4",
        "EVA-CLIP joins image–text contrast with masked pre-training, and is strong zero-shot.",
    ),
    Claim(
        "K5",
        "InternImage-H is a hybrid of convolution and Transformer, the best at detection and segmentation at its time.",
        "wrong",
        "its core operator is a deformable convolution (DCNv3) in a Transformer's frame; its backbone has no attention",
    ),
    Claim(
        "K6",
        "Shifting the windows lowers the cost of attention greatly.",
        "wrong",
        "the windows do that; the shift costs no multiply-add and saves none: it joins them",
    ),
    Claim(
        "K7",
        "EVA-CLIP comes from Shanghai AI Lab, and is supervised.",
        "wrong",
        "it comes from BAAI in Beijing, and learns from captions by contrast, after masked pre-training",
    ),
    Claim(
        "K8",
        "DINOv2 learns by contrast and distillation, and is the backbone most used today.",
        "wrong",
        "it distils from itself and predicts hidden patches, without contrast; “most used” has no source",
    ),
    Claim("K9", "Which backbone is best depends on the criterion."),
)

"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "D1",
        "VGG-16 has 5 blocks of convolutions with max pooling after each and 3 fully connected layers: 16 "
        "layers with weights; its input is 3×224×224, its output, through softmax, 1×1024.",
        "wrong",
        "all of it is right but the end: ImageNet has 1000 classes, so the output is 1×1000",
    ),
    Claim(
        "D2",
        "The rules: 3×3 kernels with stride 1 and padding 1 everywhere, 2×2 max pooling, twice the channels "
        "after each pooling.",
        "condition",
        "the doubling stops at 512: the last block keeps the channels of the one before",
    ),
    Claim(
        "D3",
        "Two 3×3 convolutions equal one of 5×5, at less cost.",
        "condition",
        "they see the same field, with 18C² weights instead of 25C² but twice the memory; they do not "
        "compute the same functions",
    ),
    Claim(
        "D4",
        "AlexNet's layers differ a lot in compute; VGG doubles the channels where the resolution halves, so "
        "its layers are even.",
        "condition",
        "the inner layers of stages 1 to 4 are exactly equal; the first layer of stages 2 to 4 does half, "
        "those of stage 5 a quarter, the first of all a 21st: over all convolutions VGG is less even than "
        "AlexNet",
    ),
    Claim(
        "D5",
        "VGG against AlexNet: 25 times the memory, 2.3 times the parameters, 19.4 times the compute.",
        "wrong",
        "2.3 is right; 25 and 19.4 fit no complete VGG-16 that we tried, but one that lacks a convolution",
    ),
    Claim(
        "D6",
        "VGG's simplicity makes it easy to read, a good feature extractor and a baseline of transfer "
        "learning; it is heavy.",
        "condition",
        "it is easy to read and heavy; the published gains rest on ImageNet's 1.3 million photographs, not "
        "tested here; a small VGG that learned eight classes of clothes gains little",
    ),
    Claim(
        "D7",
        "Small, simple filters stacked deep do better.",
        "condition",
        "the paper measured it on ImageNet, a deeper network against a shallower one; small networks of "
        "equal compute show no plain difference here",
    ),
    Claim(
        "D8",
        "The design is so plain that each layer can be given a meaning; the features before a pooling are meaningful.",
        "condition",
        "maps of the first layers can be named: brightness, colours, edges; deeper ones cannot be by such words, and the "
        "first maps of a network that has learnt nothing can be named as well",
    ),
)

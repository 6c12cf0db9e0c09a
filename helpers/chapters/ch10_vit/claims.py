"""What was claimed of ViT, row by row, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "J1",
        "An image becomes patches, each patch a linear embedding plus a position: tokens; with a class token "
        "before them they pass L encoders, and an MLP head reads the class.",
    ),
    Claim(
        "J2",
        "The encoder block is norm, multi-head attention, norm, MLP; usually L ≥ 12.",
        "condition",
        "two residual additions belong in it, one around each half",
    ),
    Claim(
        "J3",
        "A ViT has global context from the first layer; its receptive field need not grow.",
    ),
    Claim(
        "J4",
        "Trained on ImageNet alone a ResNet does better; after pre-training on very much data ViT wins.",
        "condition",
        "with the first paper's recipe; the recipe of DeiT later brought ViT to the same accuracy on ImageNet alone",
    ),
    Claim(
        "J5",
        "ViT has few inductive biases, so regularisation and augmentation matter, and its cost grows with "
        "the number of tokens.",
        "condition",
        "the few biases and the cost hold; augmentation pays where training is long enough to learn from it, "
        "and here it paid hardly more for the ViT than for a CNN",
    ),
    Claim(
        "J6",
        "Distillation: a CNN is the teacher; the student ViT has one more learnable token whose output must "
        "match the teacher's, while the student also learns the label; longer training and a higher "
        "resolution help more.",
        "condition",
        "the teacher must know something that the labels do not say, such as the classes of images without labels",
    ),
    Claim(
        "J7",
        "ViT is not sensitive to the size of its input.",
        "wrong",
        "more patches can be fed in, but the positions must be interpolated, the cost changes, and the answers do too",
    ),
    Claim(
        "J8",
        "ViT learns by unsupervised pre-training and then supervised fine-tuning.",
        "wrong",
        "its headline results are supervised pre-training (ImageNet-21k, JFT-300M); self-supervision was a "
        "preliminary experiment",
    ),
    Claim(
        "J9",
        "Tokens can be dropped; the number of tokens that fit is limited.",
    ),
    Claim(
        "J10",
        "CNN and ViT differ in structure, need of data, limits and uses.",
    ),
    Claim(
        "J11",
        "ViT was the first to apply a Transformer to vision.",
        "wrong",
        "others came before; it showed that with enough data such a network matches CNNs with nearly nothing else",
    ),
    Claim(
        "J12",
        "ViT does very well even with little labelled data.",
        "condition",
        "only when fine-tuned after pre-training on very much, and then a CNN does so too",
    ),
    Claim(
        "J13",
        "A CNN takes images of one fixed size.",
        "wrong",
        "convolutions take any size; only a fully connected layer behind a flattening does not",
    ),
    Claim(
        "J14",
        "A CNN is trained by back-propagation, as a difference to ViT.",
        "wrong",
        "both are",
    ),
    Claim(
        "J15",
        "Performance does not saturate as data and model grow.",
        "condition",
        "in the middle of the curve; with very little and with very much it bends",
    ),
    Claim(
        "J16",
        "Earlier models with attention in place of convolution were efficient on paper, but fitted accelerators badly.",
        "condition",
        "those that gather the neighbours of every place; windows of equal cost are fast",
    ),
    Claim(
        "J17",
        "14 to 300 million images overcome the missing biases.",
        "condition",
        "303 million do; at 14 million it is a draw",
    ),
    Claim(
        "J18",
        "ViT is state of the art in classification, detection, segmentation and generation alike.",
        "wrong",
        "of none for long, and of detection and generation the plain ViT never: name task, year and source",
    ),
)

"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "A1",
        "A fully connected layer flattens a 32×32×3 image to 3072 values and maps them to 10 outputs with a "
        "10×3072 weight; every input value touches every output.",
    ),
    Claim(
        "A2",
        "A convolution layer keeps the 3×32×32 shape, slides a 3×5×5 filter over it and takes dot products, "
        "wᵀx + b: the output is 1×28×28.",
    ),
    Claim(
        "A3",
        "The depth of a filter equals the number of input channels.",
        "condition",
        "it does while groups = 1; a grouped or depthwise filter sees only its group's channels",
    ),
    Claim(
        "A4",
        "One filter makes one feature map; C_out filters make C_out maps.",
    ),
    Claim(
        "A5",
        "Output side = input side − kernel side + 1; for 32 and 5 it is 28.",
        "condition",
        "with no padding and stride 1; C5 has the general rule",
    ),
    Claim(
        "A6",
        "Padding keeps the resolution; the missing values are taken as 0 or as the nearest value.",
        "condition",
        "the amount must be (K − 1)/2, with an odd K and stride 1; less padding only loses less",
    ),
    Claim(
        "A7",
        "In a batch: input N×C_in×H×W, filters C_out×C_in×K_h×K_w, bias C_out, output N×C_out×H×W.",
        "condition",
        "the output keeps H×W only with same padding; in general it is H′×W′",
    ),
    Claim(
        "A8",
        "Fully connected layers need very many parameters; a convolution shares its weights.",
    ),
    Claim(
        "A9",
        "Stacked convolutions see higher-level features, and the activation between them makes the stack non-linear.",
    ),
    Claim(
        "A10",
        "A linear classifier learns one template a class; an MLP more templates, but it is weak on local "
        "patterns; the first layer of a CNN learns local edges and colours.",
    ),
    Claim(
        "A11",
        "Going from fully connected to convolution matters for images, because of locality and shared weights.",
    ),
    Claim(
        "A12",
        "The dot product is written Wᵀ×X + b; T names the area of the image that the filter covers.",
        "wrong",
        "T is the transpose: window and filter are columns, and T lays one of them down as a row",
    ),
    Claim(
        "A13",
        "Where output values are not defined, one puts 0 or the nearest output value.",
        "wrong",
        "what is filled up is the input, beyond its border; filling up the output gives other numbers",
    ),
)

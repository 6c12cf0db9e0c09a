"""The claims of the lecture *Deep Learning & Image Models*, and settle(), which puts one to the test.

A claim's verdict is one of
    "holds"      as the lecture says it
    "condition"  only where the condition in `care` is met
    "wrong"      it is not so; `care` says what is
"""

from dataclasses import dataclass
from html import escape

from helpers.output import publish

CHAPTERS = {
    "01_convolution": "A",
    "02_seeing_further": "B",
    "03_alexnet": "C",
    "04_vgg": "D",
    "05_resnet": "E",
    "06_mobilenet": "F",
    "07_rnn": "G",
    "08_lstm": "H",
    "09_attention": "I",
    "10_vit": "J",
    "11_swin": "K",
}
WORDS = {"holds": "holds", "condition": "holds under a condition", "wrong": "is wrong"}
COLOURS = {"holds": "#009E73", "condition": "#E69F00", "wrong": "#D55E00"}


@dataclass(frozen=True)
class Claim:
    id: str
    says: str
    verdict: str = "holds"
    care: str = ""


CLAIMS = {
    claim.id: claim
    for claim in (
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
        Claim("A4", "One filter makes one feature map; C_out filters make C_out maps."),
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
        Claim("A8", "Fully connected layers need very many parameters; a convolution shares its weights."),
        Claim(
            "A9",
            "Stacked convolutions see higher-level features, and the activation between them makes the stack non-linear.",
        ),
        Claim(
            "A10",
            "A linear classifier learns one template a class; an MLP more templates, but it is weak on local patterns; "
            "the first layer of a CNN learns local edges and colours.",
        ),
        Claim(
            "A11",
            "Going from fully connected to convolution matters for images, because of locality and shared weights.",
        ),
        Claim("B1", "The receptive field is the area of input that a unit can see; it grows with depth."),
        Claim(
            "B2",
            "Big images need many layers before a unit sees enough, which is expensive, so the image is shrunk inside "
            "the network.",
        ),
        Claim(
            "B3", "Pooling lowers the resolution by dropping values; 2×2 pooling makes what follows four times cheaper."
        ),
        Claim(
            "B4",
            "Pooling makes a network robust to small shifts.",
            "condition",
            "only partly: exact inside a window; across windows the sub-sampling breaks it",
        ),
        Claim("B5", "Max pooling takes the largest value of a window, average pooling the mean."),
        Claim("B6", "A strided convolution also lowers the resolution, and learns how; pooling has no parameters."),
        Claim(
            "B7",
            "A strided convolution loses less than pooling, and replaces pooling and convolution by one layer.",
            "condition",
            "the second half is true; the first is a design choice to be measured, not a theorem",
        ),
        Claim(
            "C1",
            "From 2010 to 2017 the error on ImageNet fell from year to year as the models grew deeper.",
            "condition",
            "the error fell every year, but depth grew only up to 2015; from 2012 to 2013 and after 2015 it fell without",
        ),
        Claim(
            "C2",
            "AlexNet is 5 convolutions + 3 fully connected layers = 8, with max pooling and ReLU; its input is 3×227×227.",
            "condition",
            "the paper writes 224; the arithmetic without padding needs 227",
        ),
        Claim(
            "C3",
            "Its output is a 1×1024 vector of class probabilities, trained against one-hot labels.",
            "wrong",
            "ImageNet has 1000 classes: the output is 1×1000",
        ),
        Claim(
            "C4",
            "AlexNet was the first to use ReLU; dropout against over-fitting; trained on GPUs in parallel.",
            "wrong",
            "ReLU was in use in 2010 and 2011; AlexNet made it the standard. Dropout and the two GPUs are right",
        ),
        Claim(
            "C5",
            "W′ = (W − K + 2P)/S + 1; for conv1, (227 − 11 + 0)/4 + 1 = 55.",
            "condition",
            "the division rounds down; with dilation D, K becomes D(K − 1) + 1",
        ),
        Claim("C6", "The number of output channels is the number of filters: 96."),
        Claim(
            "C7",
            "The output of conv1 takes 96·55·55 = 290,400 KB; times 4 bytes it is 1,134 KB.",
            "wrong",
            "290,400 is a count of values, not KB; they take 1,161,600 bytes = 1,134.4 KiB",
        ),
        Claim("C8", "The parameters of conv1: 96·3·11·11 + 96 = 34,944."),
        Claim(
            "C9",
            "The compute of conv1: (55·55)·(3·11·11·96)·2 = 105.4 M FLOPs.",
            "wrong",
            "105,415,200 is the product without the 2, the multiply-adds; the FLOPs are twice that, 210.8 M",
        ),
        Claim("C10", "The remaining parameters and FLOPs of the table are left blank for the student to fill in."),
        Claim(
            "C11",
            "Memory sits in the early layers, parameters in the fully connected ones, compute in the convolutions.",
        ),
        Claim(
            "D1",
            "VGG-16 has 5 blocks of convolutions with max pooling after each and 3 fully connected layers: 16 layers with "
            "weights; its input is 3×224×224, its output, through softmax, 1×1024.",
            "wrong",
            "all of it is right but the end: ImageNet has 1000 classes, so the output is 1×1000",
        ),
        Claim(
            "D2",
            "The rules: 3×3 kernels with stride 1 and padding 1 everywhere, 2×2 max pooling, twice the channels after each "
            "pooling.",
            "condition",
            "the doubling stops at 512: the last block keeps the channels of the one before",
        ),
        Claim(
            "D3",
            "Two 3×3 convolutions equal one of 5×5, at less cost.",
            "condition",
            "they see the same field, with 18C² weights instead of 25C² but twice the memory; they do not compute the same functions",
        ),
        Claim(
            "D4",
            "AlexNet's layers differ a lot in compute; VGG doubles the channels where the resolution halves, so its layers "
            "are even.",
            "condition",
            "the inner layers of stages 1 to 4 are exactly equal; the first layer of stages 2 to 4 does half, those of stage 5 a "
            "quarter, the first of all a 21st: over all convolutions VGG is less even than AlexNet",
        ),
        Claim(
            "D5",
            "VGG against AlexNet: 25 times the memory, 2.3 times the parameters, 19.4 times the compute.",
            "wrong",
            "2.3 is right; 25 and 19.4 fit no complete VGG-16 that we tried, but one that lacks a convolution",
        ),
        Claim(
            "D6",
            "VGG's simplicity makes it easy to read, a good feature extractor and a baseline of transfer learning; it is "
            "heavy.",
            "condition",
            "it is easy to read and heavy; the published gains rest on ImageNet's 1.3 million photographs, not tested here; a small "
            "VGG that learned eight classes of clothes gains little",
        ),
        Claim(
            "D7",
            "Small, simple filters stacked deep do better.",
            "condition",
            "the paper measured it on ImageNet, a deeper network against a shallower one; small networks of equal compute show no "
            "plain difference here",
        ),
        Claim(
            "E1", "Beyond some depth a plain network gets worse (the degradation problem), even on its training data."
        ),
        Claim(
            "E2",
            "Batch normalisation made networks of more than ten layers trainable.",
            "condition",
            "one of two ways: from a start fitted to the ReLU, He's, 14 plain layers learn without it, if less well; from torch's "
            "default start they need it",
        ),
        Claim(
            "E3",
            "A residual block adds its input to its output, F(x) + x; where F is about 0 the block is the identity, so a "
            "deeper network need not be worse.",
        ),
        Claim(
            "E4",
            "F is convolution, ReLU, convolution, ReLU; then x is added.",
            "wrong",
            "there is no ReLU before the addition: F is convolution, BN, ReLU, convolution, BN; the second ReLU comes after the sum",
        ),
        Claim(
            "E5",
            "Beside the plain block there is the bottleneck block, which narrows, convolves and widens; input and output have "
            "the same shape. It makes the network deeper for less compute.",
            "condition",
            "the shapes are the same inside a stage; where a stage begins, a projection stands in the shortcut",
        ),
        Claim("E6", "The stem cuts the resolution to a quarter before the first block."),
        Claim(
            "E7",
            "Global average pooling, from GoogLeNet, and one fully connected layer replace the stack of fully connected "
            "layers; the 1×1 convolution comes from Inception.",
            "condition",
            "both are older: they stand in Network in Network, 2013, and GoogLeNet took them over",
        ),
        Claim("E8", "ResNet-18 and 34 use basic blocks, ResNet-50 bottlenecks."),
        Claim(
            "E9",
            "The recipe: BN after every convolution; He's initialisation instead of Xavier's; SGD with momentum 0.9; rate 0.1, "
            "divided by 10 on plateaus of the validation error; batches of 256; weight decay 1e-5; no dropout.",
            "wrong",
            "the weight decay of the paper is 1e-4; the rest is as the paper has it",
        ),
        Claim("E10", "Networks of more than 100 layers can be trained."),
        Claim("E11", "The output is 1×1024.", "wrong", "ImageNet has 1000 classes: the output is 1×1000"),
        Claim(
            "F1",
            "A normal convolution mixes space and channels at once; MobileNet splits it into a depthwise 3×3 convolution of "
            "each channel, then a pointwise 1×1 convolution.",
        ),
        Claim(
            "F2",
            "That needs about 9 times less compute and far fewer parameters.",
            "condition",
            "the ratio is 1/C_out + 1/K²: always below 9 times for 3×3, 8 to 9 times from 128 channels up; and multiply-adds are not time",
        ),
        Claim(
            "F3",
            "MobileNet set the standard for light models: depthwise convolution and the (inverted) bottleneck.",
            "condition",
            "V1 has no bottleneck, but multipliers of width and resolution; the inverted residual came with V2; most light "
            "networks since then are depthwise, not all",
        ),
        Claim(
            "G1",
            "The strengths of CNNs are local features, shared parameters and robustness; they are the standard for "
            "classification and detection.",
            "condition",
            "robust to small shifts, in part; not to noise or turning; and since 2020 transformers stand beside them",
        ),
        Claim(
            "G2",
            "A CNN ignores the order of its data, and is weak on relations over long distances.",
            "condition",
            "it sees order inside its receptive field; global pooling forgets where; beyond the field it sees nothing",
        ),
        Claim(
            "G3",
            "CNNs do not suit predictions for each pixel, or generation.",
            "wrong",
            "U-Net and DeepLab are convolutional, and so are the backbones of many GANs and diffusion models",
        ),
        Claim("G4", "A recurrent network computes h_t = f_W(h_{t−1}, x_t) with the same W at every step."),
        Claim(
            "G5",
            "The plain RNN is linear maps, a bias and tanh, which one note calls the arctangent (아크탄젠트).",
            "wrong",
            "tanh is the hyperbolic tangent (쌍곡탄젠트), another function; the rest is right",
        ),
        Claim("G6", "The gradient of W is a sum of contributions from every time step."),
        Claim("G7", "A sequence goes in; one output, or an output for each step, comes out."),
        Claim("G8", "A character language model over h, e, l, o learns h → e → l → l → o."),
        Claim(
            "G9",
            "Multiplying by W again and again makes gradients explode where W is large, vanish where it is small.",
            "condition",
            "in the long run and without tanh, large means a spectral radius of W above 1; tanh, whose slope is at most 1, pulls the "
            "gradient down",
        ),
        Claim(
            "G10",
            "Clipping gradients stops explosions but distorts the gradient, and does nothing against vanishing.",
            "condition",
            "clipping by the norm keeps the direction of each step's gradient and changes its length; clipping each value bends it",
        ),
        Claim(
            "H1",
            "(i, f, o, g) = (σ, σ, σ, tanh) of W[h_{t−1}; x_t]; c_t = f⊙c_{t−1} + i⊙g; h_t = o⊙tanh(c_t). One note calls the "
            "forget gate g.",
            "wrong",
            "the formulas hold, with a bias; but the forget gate is f, and g is the candidate",
        ),
        Claim(
            "H2",
            "The cell state gives gradients an additive path, so they vanish less.",
            "condition",
            "only while the forget gate is near 1; with torch's default start it is near 1/2, and they vanish too",
        ),
        Claim(
            "H3",
            "The limit: the forget gate shrinks old information step by step (information dilution).",
            "condition",
            "along the cell by the product of f; a gate that learns to stay near 1 shrinks little, and h can write anew what fades",
        ),
        Claim(
            "I1",
            "The query says what is asked, the key what each input offers, the value what it holds. Attention turns the "
            "similarity of query and keys into a probability distribution, and averages the values with it.",
        ),
        Claim("I2", "Similar patches relate to each other whatever their distance in the image."),
        Claim(
            "I3",
            "In self-attention queries, keys and values all come from one input; what belongs together in it is found.",
            "condition",
            "what counts as belonging together is what queries and keys compare; another head finds something else",
        ),
        Claim(
            "I4",
            "In cross-attention the queries come from one source, such as image patches, the keys and values from another, "
            "such as text; that needs a space that both share.",
        ),
        Claim(
            "I5",
            "A CNN is local, without far context and without order; an RNN has order, but far context is hard for it (the "
            "gradient vanishes); an LSTM has order and far context, but dilutes; attention has far context without dilution, but "
            "no order, and so needs positional encoding.",
            "condition",
            "each entry depends on something: a CNN has order inside its field and reaches as far as the field, an LSTM as far "
            "as its forget bias lets it, attention as far as its learnt scores lift one token above the others",
        ),
        Claim("I6", "Attention by itself does not see order."),
        Claim(
            "I7",
            "Three positional encodings: a learnable one fits its data but must be trained anew for another resolution; the "
            "sinusoidal one is the same rule at any resolution, but is not fitted; a relative one works at any resolution, but is "
            "blind to absolute position.",
            "condition",
            "learnable ones are usually interpolated, not trained anew: right where places stretch with the input, wrong where "
            "they are counted; a rule for any size is no promise that what was learnt with it carries over",
        ),
        Claim(
            "J1",
            "An image becomes patches, each patch a linear embedding plus a position: tokens; with a class token before them "
            "they pass L encoders, and an MLP head reads the class.",
        ),
        Claim(
            "J2",
            "The encoder block is norm, multi-head attention, norm, MLP; usually L ≥ 12.",
            "condition",
            "two residual additions belong in it, one around each half",
        ),
        Claim("J3", "A ViT has global context from the first layer; its receptive field need not grow."),
        Claim(
            "J4",
            "Trained on ImageNet alone a ResNet does better; after pre-training on very much data ViT wins.",
            "condition",
            "with the first paper's recipe; the recipe of DeiT later brought ViT to the same accuracy on ImageNet alone",
        ),
        Claim(
            "J5",
            "ViT has few inductive biases, so regularisation and augmentation matter, and its cost grows with the number of "
            "tokens.",
            "condition",
            "the few biases and the cost hold; augmentation pays where training is long enough to learn from it, but here a CNN "
            "gained as much",
        ),
        Claim(
            "J6",
            "Distillation: a CNN is the teacher; the student ViT has one more learnable token whose output must match the "
            "teacher's, while the student also learns the label; longer training and a higher resolution help more.",
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
            "its headline results are supervised pre-training (ImageNet-21k, JFT-300M); self-supervision was a preliminary experiment",
        ),
        Claim("J9", "Tokens can be dropped; the number of tokens that fit is limited."),
        Claim("J10", "CNN and ViT differ in structure, need of data, limits and uses."),
        Claim(
            "K1",
            "Swin attends inside windows, then inside shifted windows; stacked, they cover the image. It is hierarchical, and "
            "good for detection and segmentation.",
            "condition",
            "a token's view grows by one window a block and doubles at each merging: enough for 224 pixels, not for the 1344 of "
            "a detector; without the shift only the merging widens it; good is published; a plain ViT competed later",
        ),
        Claim("K2", "ViT-22B has 22 billion parameters and was trained, supervised, on private data (JFT)."),
        Claim(
            "K3",
            "DINOv2 has up to 1 billion parameters and learnt, self-supervised, from 1.4 billion public web images.",
            "wrong",
            "its set, LVD-142M, is 142 million images, most of them chosen from 1.2 billion; the largest model has 1.1 billion parameters",
        ),
        Claim("K4", "EVA-CLIP joins image–text contrast with masked pre-training, and is strong zero-shot."),
        Claim(
            "K5",
            "InternImage-H is a hybrid of convolution and Transformer, the best at detection and segmentation at its time.",
            "wrong",
            "its core operator is a deformable convolution (DCNv3) in a Transformer's frame; its backbone has no attention",
        ),
    )
}


def settle(id, evidence, finding):
    """Put the lecture's claim `id` to the test, and show the claim, the verdict and the finding.

    evidence: bool, computed from what the chapter has run; it must support the verdict, also where that is "wrong"
    finding:  what came out, in a sentence with its numbers
    raises:   AssertionError where the evidence is False, ValueError for an id that is not in the ledger, or evidence that is no truth value
    """
    if not isinstance(id, str) or id not in CLAIMS:
        raise ValueError(f"id (={id!r}) must be that of a claim, from {next(iter(CLAIMS))} to {list(CLAIMS)[-1]}")
    claim = CLAIMS[id]
    if not isinstance(finding, str) or not finding.strip():
        raise ValueError(f"finding (={finding!r}) must say in a sentence what came out")
    evidence = evidence.tolist() if hasattr(evidence, "tolist") else evidence  # of NumPy, or a tensor on any device
    if not isinstance(evidence, bool):
        raise ValueError(f"evidence (={evidence!r:.60}) must be True or False, computed from what the chapter has run")
    if not evidence:
        raise AssertionError(
            f"{id}: what was computed does not support the verdict “{WORDS[claim.verdict]}”: {finding}"
        )
    care = f" {claim.care[0].upper()}{claim.care[1:]}." if claim.care else ""
    plain = f"{id} {WORDS[claim.verdict]}. The lecture: {claim.says}{care} Here: {finding}"
    html = (
        f'<div style="border-left:6px solid {COLOURS[claim.verdict]};padding:.3em 1em;margin:.3em 0;font-size:115%">'
        f"<b>{id} {WORDS[claim.verdict]}.</b> <i>The lecture:</i> {escape(claim.says, False)}<b>{escape(care, False)}</b><br>"
        f"<i>Here:</i> {escape(str(finding), False)}</div>"
    )
    publish({"text/plain": plain, "text/html": html})


def summary(letter):
    """Show the claims of one letter of the ledger with their verdicts, as a table."""
    claims = [claim for claim in CLAIMS.values() if claim.id[0] == letter]
    if not claims:
        raise ValueError(f"letter (={letter!r}) must be one of {sorted({id[0] for id in CLAIMS})}")
    plain = "\n".join(f"{c.id:4} {WORDS[c.verdict]}" + (f": {c.care}" if c.care else "") for c in claims)
    rows = "".join(
        f'<tr><td style="border-left:6px solid {COLOURS[c.verdict]}"><b>{c.id}</b></td>'
        f'<td style="text-align:left">{escape(c.says, False)}</td><td style="text-align:left"><b>{WORDS[c.verdict]}</b>'
        f"{escape(': ' + c.care, False) if c.care else ''}</td></tr>"
        for c in claims
    )
    publish(
        {
            "text/plain": plain,
            "text/html": "<table><tr><th></th><th style='text-align:left'>the lecture says</th>"
            f"<th style='text-align:left'>verdict</th></tr>{rows}</table>",
        }
    )

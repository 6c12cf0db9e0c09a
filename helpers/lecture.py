"""The claims of the lecture *Deep Learning & Image Models*, and settle(), which puts one to the test.

A claim's verdict is one of
    "holds"      as the lecture says it
    "condition"  only where the condition in `care` is met
    "wrong"      it is not so; `care` says what is
"""

from dataclasses import dataclass

from helpers.output import publish

CHAPTERS = {"01_convolution": "A", "02_seeing_further": "B", "03_alexnet": "C"}
WORDS = {"holds": "holds", "condition": "holds under a condition", "wrong": "is wrong"}
COLOURS = {"holds": "#009E73", "condition": "#E69F00", "wrong": "#D55E00"}


@dataclass(frozen=True)
class Claim:
    id: str
    says: str
    verdict: str = "holds"
    care: str = ""


CLAIMS = {claim.id: claim for claim in (
    Claim("A1", "A fully connected layer flattens a 32×32×3 image to 3072 values and maps them to 10 outputs with a "
          "10×3072 weight; every input value touches every output."),
    Claim("A2", "A convolution layer keeps the 3×32×32 shape, slides a 3×5×5 filter over it and takes dot products, "
          "wᵀx + b: the output is 1×28×28."),
    Claim("A3", "The depth of a filter equals the number of input channels.", "condition",
          "it does while groups = 1; a grouped or depthwise filter sees only its group's channels"),
    Claim("A4", "One filter makes one feature map; C_out filters make C_out maps."),
    Claim("A5", "Output side = input side − kernel side + 1; for 32 and 5 it is 28.", "condition",
          "with no padding and stride 1; C5 has the general rule"),
    Claim("A6", "Padding keeps the resolution; the missing values are taken as 0 or as the nearest value.", "condition",
          "the amount must be (K − 1)/2, with an odd K and stride 1; less padding only loses less"),
    Claim("A7", "In a batch: input N×C_in×H×W, filters C_out×C_in×K_h×K_w, bias C_out, output N×C_out×H×W.", "condition",
          "the output keeps H×W only with same padding; in general it is H′×W′"),
    Claim("A8", "Fully connected layers need very many parameters; a convolution shares its weights."),
    Claim("A9", "Stacked convolutions see higher-level features, and the activation between them makes the stack non-linear."),
    Claim("A10", "A linear classifier learns one template a class; an MLP more templates, but it is weak on local patterns; "
          "the first layer of a CNN learns local edges and colours."),
    Claim("A11", "Going from fully connected to convolution matters for images, because of locality and shared weights."),
    Claim("B1", "The receptive field is the area of input that a unit can see; it grows with depth."),
    Claim("B2", "Big images need many layers before a unit sees enough, which is expensive, so the image is shrunk inside "
          "the network."),
    Claim("B3", "Pooling lowers the resolution by dropping values; 2×2 pooling makes what follows four times cheaper."),
    Claim("B4", "Pooling makes a network robust to small shifts.", "condition",
          "only partly: exact inside a window; across windows the sub-sampling breaks it"),
    Claim("B5", "Max pooling takes the largest value of a window, average pooling the mean."),
    Claim("B6", "A strided convolution also lowers the resolution, and learns how; pooling has no parameters."),
    Claim("B7", "A strided convolution loses less than pooling, and replaces pooling and convolution by one layer.", "condition",
          "the second half is true; the first is a design choice to be measured, not a theorem"),
    Claim("C1", "From 2010 to 2017 the error on ImageNet fell from year to year as the models grew deeper.", "condition",
          "the error fell every year, but depth grew only up to 2015; from 2012 to 2013 and after 2015 it fell without"),
    Claim("C2", "AlexNet is 5 convolutions + 3 fully connected layers = 8, with max pooling and ReLU; its input is 3×227×227.",
          "condition", "the paper writes 224; the arithmetic without padding needs 227"),
    Claim("C3", "Its output is a 1×1024 vector of class probabilities, trained against one-hot labels.", "wrong",
          "ImageNet has 1000 classes: the output is 1×1000"),
    Claim("C4", "AlexNet was the first to use ReLU; dropout against over-fitting; trained on GPUs in parallel.", "wrong",
          "ReLU was in use in 2010 and 2011; AlexNet made it the standard. Dropout and the two GPUs are right"),
    Claim("C5", "W′ = (W − K + 2P)/S + 1; for conv1, (227 − 11 + 0)/4 + 1 = 55.", "condition",
          "the division rounds down; with dilation D, K becomes D(K − 1) + 1"),
    Claim("C6", "The number of output channels is the number of filters: 96."),
    Claim("C7", "The output of conv1 takes 96·55·55 = 290,400 KB; times 4 bytes it is 1,134 KB.", "wrong",
          "290,400 is a count of values, not KB; they take 1,161,600 bytes = 1,134.4 KiB"),
    Claim("C8", "The parameters of conv1: 96·3·11·11 + 96 = 34,944."),
    Claim("C9", "The compute of conv1: (55·55)·(3·11·11·96)·2 = 105.4 M FLOPs.", "wrong",
          "105,415,200 is the product without the 2, the multiply-adds; the FLOPs are twice that, 210.8 M"),
    Claim("C10", "The remaining parameters and FLOPs of the table are left blank for the student to fill in."),
    Claim("C11", "Memory sits in the early layers, parameters in the fully connected ones, compute in the convolutions."),
)}


def settle(id, evidence, finding):
    """Put the lecture's claim `id` to the test, and show the claim, the verdict and the finding.

    evidence: bool, computed from what the chapter has run; it must support the verdict, also where that is "wrong"
    finding:  what came out, in a sentence with its numbers
    raises:   AssertionError where the evidence is False, KeyError for an id that is not in the ledger
    """
    claim = CLAIMS[id]
    if evidence is not True and bool(evidence) is not True:
        raise AssertionError(f"{id}: what was computed does not support the verdict “{WORDS[claim.verdict]}”: {finding}")
    care = f" {claim.care[0].upper()}{claim.care[1:]}." if claim.care else ""
    plain = f"{id} {WORDS[claim.verdict]}. The lecture: {claim.says}{care} Here: {finding}"
    html = (f'<div style="border-left:6px solid {COLOURS[claim.verdict]};padding:.3em 1em;margin:.3em 0;font-size:115%">'
            f"<b>{id} {WORDS[claim.verdict]}.</b> <i>The lecture:</i> {claim.says}<b>{care}</b><br><i>Here:</i> {finding}</div>")
    publish({"text/plain": plain, "text/html": html})


def summary(letter):
    """Show the claims of one letter of the ledger with their verdicts, as a table."""
    claims = [claim for claim in CLAIMS.values() if claim.id.startswith(letter)]
    if not claims:
        raise ValueError(f"letter (={letter!r}) must be one of {sorted({id[0] for id in CLAIMS})}")
    plain = "\n".join(f"{c.id:4} {WORDS[c.verdict]}" + (f": {c.care}" if c.care else "") for c in claims)
    rows = "".join(f'<tr><td style="border-left:6px solid {COLOURS[c.verdict]}"><b>{c.id}</b></td>'
                   f'<td style="text-align:left">{c.says}</td><td style="text-align:left"><b>{WORDS[c.verdict]}</b>'
                   f'{": " + c.care if c.care else ""}</td></tr>' for c in claims)
    publish({"text/plain": plain, "text/html": "<table><tr><th></th><th style='text-align:left'>the lecture says</th>"
              f"<th style='text-align:left'>verdict</th></tr>{rows}</table>"})

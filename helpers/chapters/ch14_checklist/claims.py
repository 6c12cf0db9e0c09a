"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "L1",
        "A good architecture is not enough: schedule, regularisation, initialisation and preprocessing decide.",
    ),
    Claim(
        "L8",
        "Parameters are learnt; hyper-parameters are set before training. Do not try all combinations.",
    ),
    Claim(
        "L9",
        "Checklist, step 1: the first loss must be about log C with cross-entropy over C classes.",
        "condition",
        "the last layer must start near 0, as He's start does not; and shuffled labels or a second softmax pass as "
        "well",
    ),
    Claim(
        "L10",
        "Step 2: over-fit a small sample to 100 %; no progress, or a loss that blows up, each point to causes.",
        "condition",
        "it finds what cannot learn; a network that learns random labels by heart passes too",
    ),
    Claim(
        "L11",
        "Step 3: on all data, find the learning rate with which the loss falls fastest within about 100 iterations.",
        "condition",
        "a first guess, good to the next step of a grid by factors of about three",
    ),
    Claim(
        "L12",
        "Steps 4 and 5: a coarse grid of rates and decays for 1 to 5 epochs; then the best for 10 to 20.",
        "condition",
        "so short a look can choose among rates; the decay shows only much later",
    ),
    Claim(
        "L13",
        "Step 6, the curves: flat at first, the start is bad; a plateau, lower the rate; no progress after the rate"
        " fell, it fell too early; still rising, train on; a gap between training and validation, regularise; no gap,"
        " take a larger model.",
        "condition",
        "each illness makes its curve, but a curve may have another cause, and the remedy may change the curve and "
        "not the score",
    ),
    Claim(
        "L16",
        "What does not start well within 1 to 5 epochs will not end well.",
        "condition",
        "true of the hopeless settings; among the better half the first epoch says little about the last",
    ),
    Claim(
        "L18",
        "An epoch is over when the data are memorised once; a training error of 0 means that all is learnt.",
        "wrong",
        "an epoch is one pass over the data, and a training error of 0 says nothing about other data",
    ),
)

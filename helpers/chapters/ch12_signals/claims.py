"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "L2",
        "Activation functions are sigmoid, tanh, ReLU, leaky ReLU, ELU; try ReLU first.",
        "condition",
        "ReLU is a safe first try with He's start; it need not be the best, and it was not in the deep network tried here",
    ),
    Claim(
        "L3",
        "All data must come in one format, and each model has its own: minus a mean image, minus a mean per channel, or "
        "also divided by a deviation per channel.",
    ),
    Claim(
        "L4",
        "Weights that start at zero leave all units equal; a small Gaussian (0.01) lets the signal die with depth; Xavier's "
        "1/√(inputs) keeps it, and for ReLU He's √(2/inputs).",
    ),
    Claim(
        "L17",
        "0.01 times a standard normal number has variance 0.01; He's start has variance 2 × the number of inputs.",
        "wrong",
        "0.01 is the deviation, the variance is 0.0001; He's variance is 2 divided by the number of inputs",
    ),
)

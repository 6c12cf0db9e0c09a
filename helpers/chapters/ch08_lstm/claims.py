"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "H1",
        "(i, f, o, g) = (σ, σ, σ, tanh) of W[h_{t−1}; x_t]; c_t = f⊙c_{t−1} + i⊙g; h_t = o⊙tanh(c_t). One "
        "note calls the forget gate g.",
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
        "along the cell by the product of f; a gate that learns to stay near 1 shrinks little, and h can "
        "write anew what fades",
    ),
)

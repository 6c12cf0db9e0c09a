"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "G1",
        "The strengths of CNNs are local features, shared parameters and robustness; they are the standard "
        "for classification and detection.",
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
    Claim(
        "G4",
        "A recurrent network computes h_t = f_W(h_{t−1}, x_t) with the same W at every step.",
    ),
    Claim(
        "G5",
        "The plain RNN is linear maps, a bias and tanh, which one note calls the arctangent (아크탄젠트).",
        "wrong",
        "tanh is the hyperbolic tangent (쌍곡탄젠트), another function; the rest is right",
    ),
    Claim(
        "G6",
        "The gradient of W is a sum of contributions from every time step.",
    ),
    Claim(
        "G7",
        "A sequence goes in; one output, or an output for each step, comes out.",
    ),
    Claim(
        "G8",
        "A character language model over h, e, l, o learns h → e → l → l → o.",
    ),
    Claim(
        "G9",
        "Multiplying by W again and again makes gradients explode where W is large, vanish where it is small.",
        "condition",
        "in the long run and without tanh, large means a spectral radius of W above 1; tanh, whose slope is "
        "at most 1, pulls the gradient down and so raises that edge",
    ),
    Claim(
        "G10",
        "Clipping gradients stops explosions but distorts the gradient, and does nothing against vanishing.",
        "condition",
        "clipping by the norm keeps the direction of each step's gradient and changes its length; clipping "
        "each value bends it",
    ),
    Claim(
        "G11",
        "A recurrent network has a strong inductive bias for series, such as text, speech and sensors.",
        "condition",
        "the same rule at every step carries over to later places and to longer series; only where training shows the event "
        "at more than one place and length, for the state can count steps too",
    ),
)

"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "M5",
        "Diffusion adds noise step by step and learns to undo it; the reverse is trained like a denoising autoencoder.",
        "holds",
    ),
    Claim(
        "M6",
        "The quality of diffusion exceeds that of GANs; its training is stable, and it does not lose modes.",
        "condition",
        "each at a rate of its own: there diffusion is nearer to the data, but a tuned GAN also holds all of eight modes, and at"
        " ten times its rate it is diffusion that is ruined",
    ),
    Claim("M7", "Latent diffusion (Stable Diffusion) works in a compressed space."),
)

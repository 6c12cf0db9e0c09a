"""Solutions of chapter 18."""

import torch


# %% floor_of_one
def floor_of_one(alpha_bar, spread):
    """The least possible loss on ε where the data are one Gaussian: a float."""
    ### BEGIN SOLUTION
    return 1 - (1 - alpha_bar) / (alpha_bar * spread**2 + 1 - alpha_bar)
    ### END SOLUTION


# %% step_back
def step_back(x, v, now, then, eta, fresh):
    """x at ᾱ = now and the network's v → x at ᾱ = then: all of shape (N, D); now, then, eta are floats."""
    ### BEGIN SOLUTION
    x0 = now**0.5 * x - (1 - now) ** 0.5 * v
    noise = (1 - now) ** 0.5 * x + now**0.5 * v
    sigma2 = eta**2 * (1 - then) / (1 - now) * (1 - now / then)
    return then**0.5 * x0 + (1 - then - sigma2) ** 0.5 * noise + sigma2**0.5 * fresh
    ### END SOLUTION


# %% noise_of_two
def noise_of_two(x, alpha_bar, means, spread, first):
    """E[ε | x] for numbers x (N,) from two noised Gaussians: (N,)."""
    ### BEGIN SOLUTION
    away = x[:, None] - alpha_bar**0.5 * torch.tensor(means)
    variance = alpha_bar * spread**2 + 1 - alpha_bar
    weights = (torch.tensor([first, 1 - first]).log() - away**2 / (2 * variance)).softmax(1)
    return (1 - alpha_bar) ** 0.5 * (weights * away).sum(1) / variance
    ### END SOLUTION


# %% mend_sampler
def mend_sampler(noise_of, x, alpha_bar, fresh):
    """DDPM from x (N, D) down to x0; alpha_bar: a list of floats, fresh: (T, N, D), noise_of(x, t) → (N, D)."""
    ### BEGIN SOLUTION
    for t in reversed(range(len(alpha_bar))):
        now, then = alpha_bar[t], alpha_bar[t - 1] if t > 0 else 1.0
        beta = 1 - now / then
        x = (x - beta / (1 - now) ** 0.5 * noise_of(x, t)) / (1 - beta) ** 0.5
        if t > 0:
            x = x + (beta * (1 - then) / (1 - now)) ** 0.5 * fresh[t]
    return x
    ### END SOLUTION


# %% picture_macs
def picture_macs(unet, decoder, text, steps, guidance):
    """Multiply-adds for one picture; unet, decoder, text: those of one pass of each; guidance 1: none, the label alone."""
    ### BEGIN SOLUTION
    calls = 1 if guidance == 1 else 2
    return steps * calls * unet + decoder + calls * text
    ### END SOLUTION

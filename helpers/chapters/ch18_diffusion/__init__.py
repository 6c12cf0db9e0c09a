"""What only this chapter needs; helpers.course.rooms says which file is what.

diffusion  schedules, noise added in one step, what a network may predict, one sampler for DDPM and DDIM, guidance
points     eight Gaussians on a ring: their exact noise, the distances of samples, two networks that fight each other (a GAN)
nets       the networks: one for points, a U-net for pictures
judge      how good are pictures: a classifier's features, Fréchet distance, nearest training pictures
clothes    Fashion-MNIST in latents and in pixels, with stored weights
real       the three networks of Stable Diffusion 1, on the meta device
draw       the figures of the chapter
"""

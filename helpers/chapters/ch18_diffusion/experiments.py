"""What was tried for chapter 18, or takes longer than a chapter may: `make experiments NB=18`."""

import torch

from helpers import data
from helpers.chapters.ch18_diffusion import clothes, judge, points
from helpers.chapters.ch18_diffusion.diffusion import Diffusion, learning
from helpers.chapters.ch18_diffusion.nets import PointNet
from helpers.costs import cost_table
from helpers.training import train

TARGET = points.ring(2000, 99)


def _noise(*shape, seed=3):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def clothes_in_latents_and_in_pixels():
    """How good are clothes made in latents, and by the same U-net in pixels after as many multiply-adds of training?

    Marks of 500 pictures, 20 DDIM steps, weights as they are stored (8 bits): what a judge (85 to 88 % right on test
    pictures) takes for the class asked for, in percent; Fréchet distance to the test pictures in its features; variance
    within a class and distance to the nearest training picture, both over those of the test pictures. Writes clothes.npz.
    """
    (x, labels), (x_test, labels_test) = clothes.pictures(), clothes.pictures(False)
    train_set, test_set = data.fashion_mnist(), data.fashion_mnist(False)
    marks = judge.Marks(judge.train_judge(train_set, epochs=2, width=16), train_set, test_set)
    auto = clothes.train_autoencoder(x)
    steps, z = 1000, auto.encode(x)
    unet = clothes.train_unet(z, labels, steps)
    once = [cost_table(clothes.new(name), [(1, *like.shape[1:]), torch.zeros(1), torch.zeros(1, dtype=torch.int64)]).total.macs
            for name, like in (("latents", z), ("pixels", x))]  # fmt: skip
    fewer = round(steps * once[0] / once[1])
    pixels = clothes.train_unet(x, labels, fewer, average=0.9)
    clothes.store({"autoencoder": auto, "latents": unet, "pixels": pixels})
    auto, unet, pixels = (clothes.stored(name) for name in clothes.NAMES)
    asked, d = torch.arange(500) % 10, Diffusion("cosine", 1000, "v")
    made = {"500 training pictures": (x[:500], labels[:500])}
    made["test pictures, encoded and decoded"] = auto.decode(auto.encode(x_test[:500])), labels_test[:500]
    for w in (1.0, 1.5, 2.0):
        found = d.sample(unet, _noise(500, 4, 8, 8), 20, 0.0, asked, w)
        made[f"latents, {steps} steps, guidance {w}"] = auto.decode(found), asked
    for w in (1.0, 2.0):
        found = d.sample(pixels, _noise(500, 1, 32, 32), 20, 0.0, asked, w, clip=1.0)
        made[f"pixels, {fewer} steps, guidance {w}"] = found, asked
    made["noise, decoded"] = auto.decode(_noise(500, 4, 8, 8)), asked
    rows = []
    for name, (pictures, wanted) in made.items():
        found = marks(judge.shown(pictures)[:, :, 2:-2, 2:-2], wanted)
        row = {"pictures": name, "right, %": f"{100 * found['right']:.0f}", "distance": f"{found['distance']:.0f}"}
        rows.append(row | {"spread": f"{found['spread']:.2f}", "near": f"{found['near']:.2f}"})
    return rows


def _points_net(kind, predict, seed, lr=3e-3):
    d = Diffusion(kind, 100, predict)
    torch.manual_seed(seed)
    settings = dict(steps=1000, lr=lr, schedule="one-cycle", average=0.99, seed=seed, live=False)
    run = train(PointNet(), lambda dice: points.ring(256, dice), step=learning(d), **settings)
    return d, run.averaged.module.eval(), sum(run.losses[-200:]) / 200


def points_seed_by_seed():
    """What is learnt of eight Gaussians, by schedule and by what is predicted, seed by seed?

    1,000 steps of 256 points, T = 100. loss: the mean of the last 200 steps, on what is predicted; floor: what no network
    can beat, on the noise alone. inside: share of 2,000 points of DDPM with 100 steps within 3 spreads of a mode. Then the
    sliced Wasserstein distance to 2,000 true points by sampler and steps; two sets of true points are 0.03 to 0.05 apart.
    """
    rows = []
    for kind, predict in (("linear", "noise"), ("cosine", "noise"), ("cosine", "x0"), ("cosine", "v")):
        floor = f"{points.floor(Diffusion(kind, 100)):.3f}" if predict == "noise" else ""
        for seed in range(3):
            d, net, loss = _points_net(kind, predict, seed)
            row = {"schedule": kind, "predicts": predict, "seed": seed, "loss": f"{loss:.3f}", "floor": floor}
            made = d.sample(net, _noise(2000, 2, seed=seed), 100, 1.0)
            row |= {
                "inside, %": f"{100 * points.near_modes(made)[0]:.0f}",
                "DDPM 100": f"{points.sliced(made, TARGET):.3f}",
            }
            for steps in (5, 10, 20, 50, 100):
                made = d.sample(net, _noise(2000, 2, seed=seed), steps)
                row[f"DDIM {steps}"] = f"{points.sliced(made, TARGET):.3f}"
            rows.append(row)
    return rows


def _gan(lr, ratio, seed):
    torch.manual_seed(seed)
    gan = points.GAN()
    best = {
        "tell apart": torch.optim.Adam(gan.discriminator.parameters(), ratio * lr, betas=(0.5, 0.999)),
        "deceive": torch.optim.Adam(gan.generator.parameters(), lr, betas=(0.5, 0.999)),
    }
    step = {"tell apart": points.tell_apart, "deceive": points.deceive}
    train(gan, lambda dice: points.ring(256, dice), step=step, optimizer=best, steps=1000, seed=seed, live=False)
    with torch.no_grad():
        return gan.generator(_noise(2000, 2))


def rates_of_both():
    """Which learning rates do a diffusion model and a GAN bear on eight Gaussians?

    1,000 steps of 256 points each, a GAN's step being one of the discriminator and one of the generator (Adam, β₁ = 0.5).
    ratio: the discriminator's rate over the generator's. 2,000 points, three seeds: how many of eight modes hold a fifth of
    their due or more; the share within 3 spreads of a mode, in percent; the sliced distance to 2,000 true points. Diffusion:
    cosine, v, DDIM with 50 steps.
    """
    rows = []

    def add(kind, lr, ratio, made):
        near = [points.near_modes(x) for x in made]
        row = {"model": kind, "rate": f"{lr:g}", "ratio": ratio, "modes": " ".join(str(n) for _, n in near)}
        row["inside, %"] = " ".join(f"{100 * share:.0f}" for share, _ in near)
        rows.append(row | {"distance": " ".join(f"{points.sliced(x, TARGET):.3f}" for x in made)})

    for lr in (3e-4, 3e-3, 3e-2):
        nets = [_points_net("cosine", "v", seed, lr) for seed in range(3)]
        add("diffusion", lr, "", [d.sample(net, _noise(2000, 2), 50) for d, net, _ in nets])
    for ratio in (1, 3):
        for lr in (3e-4, 1e-3, 3e-3):
            add("GAN", lr, ratio, [_gan(lr, ratio, seed) for seed in range(3)])
    return rows


def digits_seed_by_seed():
    """How good are digits, seed by seed, by number of steps, sampler and guidance?

    The notebook's U-net (cosine schedule, v, 500 steps of 64 digits) and judge; 500 digits each. right: what the judge takes
    for the digit asked for, in percent; distance: Fréchet, in its features, to the test digits (1,000 training digits: 1);
    spread: variance within a class over that of the test digits; near: median distance to the nearest training digit over
    that of test digits; copies: nearer than 99 % of the test digits are, in percent.
    """
    train_set, test_set = data.digits(), data.digits(False)
    marks = judge.Marks(judge.train_judge(train_set), train_set, test_set)
    x, asked, d = 2 * train_set.images - 1, torch.arange(500) % 10, Diffusion("cosine", 1000, "v")
    nets = [clothes.train_unet(x, train_set.labels, 500, 24, d, seed, average=0.99) for seed in range(3)]
    rows = []
    for steps, eta, w in (*((n, 0.0, 1.0) for n in (1, 3, 5, 10, 20, 50)), (20, 1.0, 1.0), (50, 1.0, 1.0),
                          *((20, 0.0, w) for w in (1.5, 2.0, 3.0, 5.0))):  # fmt: skip
        made = [d.sample(net, _noise(500, 1, 8, 8), steps, eta, asked, w, clip=1.0) for net in nets]
        found = [marks(judge.shown(each, 16), asked) for each in made]
        row = {"steps": steps, "sampler": "DDPM" if eta else "DDIM", "guidance": w}
        for name, times, digits in (
            ("right", 100, 0),
            ("distance", 1, 1),
            ("spread", 1, 2),
            ("near", 1, 2),
            ("copies", 100, 1),
        ):
            row[name] = " ".join(f"{times * each[name]:.{digits}f}" for each in found)
        rows.append(row)
    return rows

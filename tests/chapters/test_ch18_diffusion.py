"""What chapter 18 stands on: the sampler against DDPM's own rule, the exact noise against autograd, distances, published sizes."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from helpers.chapters.ch18_diffusion import clothes, judge, nets, points, real
from helpers.chapters.ch18_diffusion.diffusion import PREDICTS, SCHEDULES, Diffusion, alpha_bars, learning
from helpers.chapters.ch18_diffusion.explorer import DiffusionExplorer
from helpers.course import claim, measured
from helpers.course.rooms import room

RING = points.ring(500, 1)

ARGUMENTS = {  # for test_arguments.py
    "near_modes": dict(x=torch.rand(5, 2)),
    "draw_points": dict(x=torch.rand(5, 2)),
    "train_judge": dict(images=data.digits(), width=8),
}


def gaussian(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def short():
    """What the cell with the whole DDPM defines."""
    return room(18).run("ch18-ddpm", torch=torch, nn=nn, F=F, device=torch.device("cpu"))


# ---- schedules and the sampler


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_schedule_falls_from_nearly_all_to_nearly_nothing(kind):
    bars = alpha_bars(kind, 1000)
    assert 0.999 < bars[0] < 1 and bars[-1] < 1e-4 and (bars[1:] < bars[:-1]).all()


def test_one_step_of_noise_is_as_many():
    d = Diffusion("linear", 20)
    x, bars = RING.double(), d.alpha_bar.double()
    torch.manual_seed(0)
    x = x.repeat(100, 1)
    for t in range(20):
        alpha = bars[t] / (bars[t - 1] if t else 1)
        x = alpha.sqrt() * x + (1 - alpha).sqrt() * torch.randn_like(x)
    at_once = d.noised(RING.repeat(100, 1), torch.full((50_000,), 19), gaussian(50_000, 2))
    assert torch.allclose(x.std(0).float(), at_once.std(0), rtol=0.02) and abs(x.mean()) < 0.02


@pytest.mark.parametrize("predict", PREDICTS)
def test_whatever_is_predicted_gives_x0_and_noise_back(predict):
    d = Diffusion("cosine", 100, predict)
    t, noise = torch.arange(10, 90, 8), gaussian(10, 2)
    x = d.noised(RING[:10], t, noise)
    x0, found = d.both(d.target(RING[:10], t, noise), x, t)
    assert torch.allclose(x0, RING[:10], atol=1e-3) and torch.allclose(found, noise, atol=1e-3)


def test_the_sampler_with_all_times_is_the_notebooks_ddpm(short, monkeypatch):
    torch.manual_seed(0)
    net, d = short["Denoiser"]().eval(), Diffusion("linear", 100)
    assert torch.allclose(short["alpha_bar"], d.alpha_bar, atol=1e-6)
    dice = torch.Generator().manual_seed(5)
    monkeypatch.setattr(torch, "randn_like", lambda x: torch.randn(x.shape, generator=dice))
    mine = short["sample"](net, gaussian(50, 2))
    assert torch.allclose(mine, d.sample(net, gaussian(50, 2), 100, 1.0, seed=5), rtol=1e-2, atol=1e-2)


def test_without_fresh_noise_the_start_decides_and_guidance_goes_beyond_the_label():
    torch.manual_seed(0)
    net, d = nets.UNet(width=8).eval(), Diffusion("cosine", 100, "v")
    nn.init.normal_(net.last.weight, std=0.1)
    start, labels = gaussian(2, 1, 8, 8), torch.tensor([3, 4])
    ask = dict(steps=5, labels=labels)
    assert torch.equal(d.sample(net, start, seed=1, **ask), d.sample(net, start, seed=2, **ask))
    assert not torch.equal(d.sample(net, start, eta=1.0, seed=1, **ask), d.sample(net, start, eta=1.0, seed=2, **ask))
    (plain, _), (free, _), (led, _) = (
        d.predicted(net, start, 50, labels if w else torch.full((2,), 10), w or 1) for w in (1, 0, 3)
    )
    assert torch.allclose(led, free + 3 * (plain - free), atol=1e-4)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: alpha_bars("square"), "kind"),
        (lambda: alpha_bars("linear", 3), "T"),
        (lambda: Diffusion(predict="mean"), "predict"),
        (lambda: Diffusion(T=50).sample(None, RING, 51), "steps"),
        (lambda: Diffusion(T=50).sample(None, RING, 5, 2.0), "eta"),
        (lambda: points.ring(0), "n"),
        (lambda: points.exact_noise(RING, 2), "alpha_bar"),
        (lambda: clothes.stored("shoes"), "name"),
        (lambda: judge.frechet([1], RING), "a"),
    ],
)
def test_the_callers_mistakes_are_named(call, says):
    with pytest.raises(ValueError, match=rf"^{says} "):
        call()


# ---- the ring


def test_the_exact_noise_is_minus_the_score():
    for bar in (0.99, 0.5, 0.01):
        x = gaussian(50, 2, seed=2).requires_grad_()
        v = bar * points.SPREAD**2 + 1 - bar
        density = torch.logsumexp(-((x[:, None] - bar**0.5 * points.MEANS) ** 2).sum(-1) / (2 * v), 1)
        (score,) = torch.autograd.grad(density.sum(), x)
        assert torch.allclose(points.exact_noise(x.detach(), bar), -((1 - bar) ** 0.5) * score, atol=1e-4)


@pytest.mark.parametrize("predict", PREDICTS)
def test_with_the_exact_noise_nearly_all_points_reach_a_mode(predict):
    d = Diffusion("cosine", 100, predict)
    inside, modes = points.near_modes(d.sample(points.Exact(d), gaussian(1000, 2), 100, 1.0))
    assert inside > 0.96 and modes == 8


def test_no_network_beats_the_floor():
    d = Diffusion("linear", 100)
    assert points.floor(d) == pytest.approx(0.217, abs=0.01)
    zero = nn.Linear(1, 1)
    zero.forward = lambda x, t, labels: torch.zeros_like(x) + 0 * zero.weight.sum()
    assert learning(d)(zero, points.ring(5000)).item() == pytest.approx(1, abs=0.05)


def test_modes_are_counted_and_distances_grow_with_what_is_missing():
    assert points.near_modes(RING) == (pytest.approx(0.99, abs=0.01), 8)
    half = RING[RING[:, 0] > 0].repeat(3, 1)[:500]
    assert points.near_modes(half)[1] < 6
    assert points.sliced(RING, points.ring(500, 2)) < 0.15 < points.sliced(RING, half)


def test_each_of_the_gans_losses_reaches_its_own_network():
    torch.manual_seed(0)
    gan = points.GAN(16)
    points.tell_apart(gan, RING).backward()
    assert all(p.grad is None for p in gan.generator.parameters())
    assert points.tell_apart(gan, RING).item() == pytest.approx(2 * math.log(2), abs=0.3)
    points.deceive(gan, RING).backward()
    assert all(p.grad is not None for p in gan.generator.parameters())


# ---- pictures


def test_the_frechet_distance_of_gaussians_is_the_closed_form():
    a = gaussian(20_000, 2) * torch.tensor([1.0, 2.0])
    b = gaussian(20_000, 2, seed=1) * torch.tensor([3.0, 1.0]) + torch.tensor([1.0, 0.0])
    assert judge.frechet(a, b) == pytest.approx(1 + 4 + 1, rel=0.03) and judge.frechet(a, a) == pytest.approx(
        0, abs=1e-6
    )


def test_the_nearest_is_found():
    far, which = judge.nearest(RING[[5, 9]] + 1e-4, RING)
    assert which.tolist() == [5, 9] and far.max() < 1e-2


def test_the_unet_begins_at_nothing_and_hears_time_and_label():
    torch.manual_seed(0)
    net = nets.UNet(width=8).eval()
    x, t = gaussian(2, 1, 8, 8), torch.tensor([0.1, 0.1])
    assert net(x, t, torch.tensor([1, 1])).abs().max() == 0
    for part in (net.last, net.down.two, net.middle.two, net.up.two):
        nn.init.normal_(part.weight, std=0.1)
    one = net(x, t, torch.tensor([1, 1]))
    assert not torch.allclose(one, net(x, t, torch.tensor([2, 2]))) and not torch.allclose(
        one, net(x, 5 * t, torch.tensor([1, 1]))
    )


def test_the_stored_networks_make_clothes(tmp_path):
    assert (clothes.HERE / "clothes.npz").stat().st_size < 500_000
    x, _ = clothes.pictures(False)
    auto = clothes.stored("autoencoder")
    back = auto.decode(auto.encode(x[:200]))
    assert F.mse_loss(back, x[:200]) < 0.03 and auto.encode(x).std() == pytest.approx(1, abs=0.1)
    clothes.store({"latents": clothes.new("latents")}, tmp_path / "again.npz")


def test_published_sizes():
    assert real.count(real.build(real.Denoiser)) == 859_520_964
    assert real.count(real.build(real.Encoder)) + real.count(real.build(real.Decoder)) == 83_653_863
    assert real.count(real.build(real.Text)) == 123_060_480


def test_stable_diffusions_networks_fit_together():
    unet, encoder, decoder, text = (real.build(make) for make in (real.Denoiser, real.Encoder, real.Decoder, real.Text))
    x = torch.empty(1, 3, 64, 64, device="meta")
    z = encoder(x)[:, :4]
    words = text(torch.empty(1, 77, dtype=torch.int64, device="meta"))
    assert z.shape == (1, 4, 8, 8) and unet(z, torch.empty(1, 320, device="meta"), words).shape == z.shape
    assert decoder(z).shape == x.shape


# ---- the explorer


def test_the_path_starts_where_it_is_put_and_ends_at_a_mode():
    shown = DiffusionExplorer(steps=30)
    shown.hear("across", 0.5)
    shown.hear("down", 0.25)
    shown.refresh()
    path = shown.path()
    assert path.shape == (31, 2) and path[0].tolist() == pytest.approx([0, 1.2]) and shown.values["y"] == 120
    assert shown.end(path) == (3, pytest.approx(0, abs=3)) and "mode <b>3</b>" in shown.parts["words"]
    shown.hear("eta", 100)
    shown.refresh()
    first = shown.path()
    shown.hear("noise", 5)
    shown.refresh()
    assert not torch.equal(first, shown.path()) and torch.equal(first[0], shown.path()[0])


def test_it_shows_the_network_that_it_is_given():
    torch.manual_seed(0)
    shown = DiffusionExplorer(nets.PointNet())
    assert shown.source == "learnt" and "learnt" in shown.fixed["frame"] and 'class="learnt"' in shown.parts["field"]
    mine = shown.path()
    shown.hear("source", "the exact noise")
    shown.refresh()
    assert not torch.allclose(mine, shown.path()) and torch.equal(shown.path(), DiffusionExplorer().path())
    assert "learnt" not in DiffusionExplorer().fixed["frame"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (dict(t=0), "t"),
        (dict(steps=51), "steps"),
        (dict(eta=7), "eta"),
        (dict(noise="1"), "noise"),
        (dict(x=3), "x"),
        (dict(y=300), "y"),
        (dict(source="learnt"), "source"),
        (dict(net=3), "net"),
        (dict(net=nn.Linear(2, 3)), "net"),
    ],
)
def test_the_explorers_arguments_are_checked(given, says):
    with pytest.raises(ValueError, match=rf"^{says} "):
        DiffusionExplorer(**given)


# ---- verdicts


@pytest.mark.parametrize(("here", "modes", "word"), [(0.22, 8, "holds."), (0.4, 8, "is wrong"), (0.22, 5, "is wrong")])
def test_m5_follows_from_what_was_found(here, modes, word, capsys):
    x0 = torch.tensor(2.0)
    names = dict(x0=x0, x2=0.6 * x0 + 0.8 * gaussian(100_000), here=here, least=0.21, modes=modes, inside=0.9)
    room(18).run("ch18-m5", claim=claim, measured=measured, **names)
    assert f"M5 {word}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("gan", "ours", "fast", "word"),
    [
        (8, 8, 0.3, "holds under a condition"),
        (5, 8, 0.9, "holds."),
        (5, 8, 0.3, "holds under a condition"),
        (8, 6, 0.9, "is wrong"),
    ],
)
def test_m6_follows_from_what_was_found(gan, ours, fast, word, capsys):
    tuned, hot = (0.9, gan), (0.2, 2)
    near = {"GAN, tuned": tuned, "GAN, rate × 10": hot, "diffusion": (0.9, ours), "diffusion, rate × 10": (fast, ours)}
    far_off = {"GAN, tuned": 0.1, "GAN, rate × 10": 0.5, "diffusion": 0.04, "diffusion, rate × 10": 0.05}
    room(18).run("ch18-m6", claim=claim, measured=measured, near=near, far_off=far_off)
    assert f"M6 {word}" in capsys.readouterr().out


@pytest.mark.parametrize(("pixels", "word"), [(61.4e6, "holds."), (3e6, "is wrong")])
def test_m7_follows_from_what_was_found(pixels, word, capsys):
    names = dict(one_step={"in latents": 4e6, "in pixels": pixels}, decoded=1.2e6, cost={"U-net": 4e11}, in_full=2.7e14)
    names |= dict(real=real, sd={"U-net": real.build(real.Denoiser)})
    room(18).run("ch18-m7", claim=claim, **names)
    assert f"M7 {word}" in capsys.readouterr().out

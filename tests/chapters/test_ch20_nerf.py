"""Chapter 20: the exact scene, rays and their sums, the fields, the published count, the explorer, verdicts."""

import math

import pytest
import torch
from torch import nn

from helpers.chapters.ch20_nerf import fields, published, rendering, scene
from helpers.chapters.ch20_nerf.explorer import NerfExplorer
from helpers.course import claim, measured
from helpers.course.rooms import room


class Ball(nn.Module):
    """A field that is known exactly: a dense red ball in the middle."""

    def __init__(self, radius=0.5):
        super().__init__()
        self.radius, self.one = radius, nn.Parameter(torch.ones(1))

    def forward(self, points, directions=None):
        inside = (points.norm(dim=-1) < self.radius).float()
        return 1e4 * inside * self.one, torch.tensor([1.0, 0, 0]).expand(points.shape)


# ---- the scene


def test_a_ray_to_a_sphere_meets_it_at_its_distance():
    centre, radius, _ = scene.SPHERES[0]
    origin = torch.tensor([centre]) + torch.tensor([[0, 0, 3.0]])
    _, distance = scene.seen(origin, torch.tensor([[0, 0, -1.0]]))
    assert distance.item() == pytest.approx(3 - radius, abs=1e-5)
    colour, distance = scene.seen(origin, torch.tensor([[0, 0, 1.0]]))
    assert colour.tolist() == [[1, 1, 1]] and distance.item() == math.inf


def test_points_that_rays_meet_lie_on_a_surface():
    origins, directions = scene.camera(120, 30, 40)
    _, distances = scene.seen(origins, directions)
    hit = distances.isfinite()
    points = origins[hit] + distances[hit, None] * directions[hit]
    on = [((points - torch.tensor(c)).norm(dim=1) - r).abs() for c, r, _ in scene.SPHERES]
    centre, half, _ = map(torch.tensor, scene.BOX)
    on.append(((points - centre).abs() - half).amax(1).abs())
    assert 0.2 < hit.float().mean() < 0.6 and torch.stack(on).amin(0).max() < 1e-5
    assert points.abs().max() < scene.HALF


def test_dull_paint_has_one_colour_from_every_side_and_glossy_paint_has_not():
    centre, radius, _ = scene.SPHERES[1]
    point = torch.tensor(centre) + radius * scene.LIGHT
    eyes = point + 2 * torch.nn.functional.normalize(scene.LIGHT + torch.tensor([[0.0, 0, 0], [0.5, 0.1, -0.4]]), dim=1)
    looks = torch.nn.functional.normalize(point - eyes, dim=1)
    dull, glossy = (scene.seen(eyes, looks, gloss)[0] for gloss in (0.0, 0.6))
    assert torch.allclose(dull[0], dull[1], atol=1e-4) and (glossy[0] - glossy[1]).abs().max() > 0.1


def test_a_camera_looks_at_the_middle_and_its_rays_have_length_one():
    origins, directions = scene.camera(77, 33, 9)
    assert torch.allclose(directions.norm(dim=1), torch.ones(81), atol=1e-6)
    assert torch.allclose(origins[40] + scene.FAR_AWAY * directions[40], torch.zeros(3), atol=1e-5)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: scene.camera("3", 0, 8), "turn"),
        (lambda: scene.camera(0, 90, 8), "height"),
        (lambda: scene.camera(0, 0, 0), "size"),
        (lambda: scene.shots(0, 0), "n"),
        (lambda: scene.shots(2, -1), "seed"),
        (lambda: scene.shots(2, 0, gloss=2), "gloss"),
        (lambda: fields.Levels(sizes=()), "sizes"),
        (lambda: fields.fit("none", scene.shots(1, 0)), "kind"),
    ],
)
def test_wrong_arguments_are_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()


# ---- the sum along a ray


def test_the_sum_tends_to_the_integral_by_the_square_of_the_step():
    exact = math.sqrt(math.pi / 6) * math.erf(math.sqrt(1.5)) - math.exp(-1.5)
    wrong = []
    for n in (10, 20, 40):
        t = (torch.arange(n, dtype=torch.float64) + 0.5) / n
        wrong.append(abs((rendering.weights_of(3 * t, torch.full_like(t, 1 / n)) * t).sum().item() - exact))
    assert wrong[0] / wrong[1] == pytest.approx(4, rel=0.05) and wrong[1] / wrong[2] == pytest.approx(4, rel=0.05)


def test_weights_and_what_is_left_are_all_of_the_light():
    density, delta = 3 * torch.rand(5, 8), torch.rand(5, 8)
    left = torch.exp(-(density * delta).sum(1))
    assert torch.allclose(rendering.weights_of(density, delta).sum(1) + left, torch.ones(5), atol=1e-5)


def test_a_ball_is_rendered_where_it_is():
    origins, directions = scene.camera(10, 20, 31)
    found = rendering.render(Ball(), origins, directions, n=256, jitter=False)
    middle, corner = 15 * 31 + 15, 0
    assert found.colour[middle].tolist() == pytest.approx([1, 0, 0], abs=1e-4)
    assert found.distance[middle].item() == pytest.approx(scene.FAR_AWAY - 0.5, abs=0.01)
    assert found.colour[corner].tolist() == [1, 1, 1] and found.opacity[corner] == 0


def test_an_endless_last_step_makes_thin_fog_a_wall():
    class Fog(Ball):
        def forward(self, points, directions=None):
            return 1e-3 * self.one.expand(points.shape[:-1]), torch.ones(points.shape)

    origins, directions = scene.camera(0, 0, 5)
    thin, wall = (rendering.render(Fog(), origins, directions, endless=endless).opacity for endless in (False, True))
    assert thin.max() < 0.01 and wall.min() > 0.99


def test_stratified_samples_stand_one_in_each_part():
    near, far = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [6.0]])
    t = rendering.stratified(near, far, 8)
    assert torch.equal(((t - near) / (far - near) * 8).floor(), torch.arange(8.0).expand(2, 8))


def test_finer_samples_stand_where_the_weights_are():
    t, weights = torch.linspace(1, 3, 21)[None], torch.zeros(1, 21)
    weights[0, 10] = 1
    more = rendering.finer(t, weights, 50)
    assert ((more - 2).abs() < 0.06).float().mean() > 0.9 and (more.diff() >= 0).all()


# ---- fields


def test_corners_are_read_trilinearly():
    grid = torch.rand(1, 2, 3, 3, 3)  # axes C, z, y, x
    read = fields.corners(grid, torch.tensor([[-scene.HALF, 0.0, scene.HALF], [0.5 * scene.HALF, 0, 0]]))
    assert torch.allclose(read[0], grid[0, :, 2, 1, 0], atol=1e-5)
    assert torch.allclose(read[1], (grid[0, :, 1, 1, 1] + grid[0, :, 1, 1, 2]) / 2, atol=1e-5)


def test_only_the_colour_hears_the_direction():
    torch.manual_seed(0)
    field, points = fields.Levels((4, 8), by_view=True), torch.rand(6, 3)
    one, other = (field(points, nn.functional.normalize(torch.randn(6, 3), dim=1)) for _ in range(2))
    assert torch.equal(one[0], other[0]) and not torch.allclose(one[1], other[1])


def test_a_field_learns_from_pictures_alone():
    field, _ = fields.fit("grid", scene.shots(8, 0, size=24), steps=60, rays=256)
    assert rendering.judged(field, scene.shots(2, 77, size=24))["psnr"] > 12  # a white picture has 7


def test_the_stored_field_is_good_and_small(tmp_path):
    assert fields.KEPT.stat().st_size < 200_000
    found = rendering.judged(fields.stored(), scene.shots(2, 77))
    assert found["psnr"] > 22 and found["outline"] < 0.03 and found["depth"] < 0.06
    fields.store(fields.stored(), tmp_path / "again.npz")


def test_published_sizes():
    assert published.counted(published.NeRF, (1, 60), (1, 24))[0] == 593_924
    assert published.counted(published.InstantNGP, (1, 32), (1, 16))[1] == 9_408


# ---- the explorer


def test_the_weights_of_the_ray_make_the_pixel():
    shown = NerfExplorer(row=27, column=17)
    t, _, weights, colours, _ = shown.ray()
    made = (weights[:, None] * colours).sum(0) + 1 - weights.sum()
    assert torch.allclose(made, shown.look()[0][26 * 48 + 16], atol=1e-4) and (t.diff() > 0).all()


def test_the_camera_is_dragged_on_the_map():
    shown = NerfExplorer(turn=90, height=0)
    assert shown.place() == (pytest.approx(0.5 + 4 / 9.2), pytest.approx(0.5))
    shown.hear("east", 0.5)
    shown.hear("south", 0.5 + 2 / 9.2)
    shown.refresh()
    assert (shown.values["turn"], shown.values["height"]) == (0, 60)
    shown.hear("across", 1.0)
    shown.hear("down", 0.0)
    assert (shown.row, shown.column) == (1, 48)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (dict(turn=3), "turn"),
        (dict(height=90), "height"),
        (dict(samples=9), "samples"),
        (dict(row=0), "row"),
        (dict(column=49), "column"),
        (dict(show="depth"), "show"),
        (dict(field=3), "field"),
    ],
)
def test_the_callers_mistakes_are_named(given, says):
    with pytest.raises(ValueError, match=says):
        NerfExplorer(**given)


# ---- verdicts


@pytest.mark.parametrize(("by_place", "word"), [(15.0, "is wrong"), (22.0, "holds.")])
def test_m10_follows_from_what_was_found(by_place, word, capsys):
    room(20).run("ch20-m10", claim=claim, measured=measured, by_place=by_place, by_point=22.0, on_known=19.0)
    assert f"M10 {word}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("held", "word"),
    [
        ({4: 10, 12: 21, 30: 22.5}, "holds under a condition"),
        ({4: 22, 12: 22, 30: 22.5}, "holds."),
        ({4: 10, 12: 11, 30: 12}, "is wrong"),
    ],
)
def test_m11_follows_from_what_was_found(held, word, capsys):
    room(20).run("ch20-m11", claim=claim, measured=measured, held={n: float(db) for n, db in held.items()})
    assert f"M11 {word}" in capsys.readouterr().out

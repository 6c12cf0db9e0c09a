"""Two networks that should be one: the course's and torchvision's, compared weight by weight and number by number."""

import torch
import torchvision

from helpers.costs import cost_table


def built(make, *args, **kwargs):
    """Return a network on the meta device: shapes alone, nothing to wait for."""
    with torch.device("meta"):
        return make(*args, **kwargs)


def costs(model, side=224, in_channels=3):
    """Return the cost table of a network on the meta device, which must be complete."""
    table = cost_table(model, (1, in_channels, side, side))
    assert table.uncounted == []
    return table


def published(name):
    """Return what torchvision publishes with its weights: the parameters, and MACs in units of 1e9."""
    meta = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"].meta
    return meta["num_params"], meta["_ops"]


def shapes(model):
    return [(name, tuple(value.shape)) for name, value in model.state_dict().items()]


def layers(model, kind):
    return [layer for layer in model.modules() if isinstance(layer, kind)]


def on_cpu(model, seed=0):
    """Give a network, of the meta device or not, numbers of which no two layers have the same, normalisation included."""
    generator = torch.Generator().manual_seed(seed)
    if next(model.parameters()).is_meta:
        model.to_empty(device="cpu")
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("num_batches_tracked"):
                value.zero_()
            elif not value.is_floating_point():
                continue  # where tokens lie apart, in Swin: a rule, not a number to draw
            elif value.dim() > 1:
                value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
            elif name.endswith(("weight", "running_var")):
                value.uniform_(0.5, 1.5, generator=generator)
            else:
                value.normal_(0, 0.1, generator=generator)
    return model


def assert_twins(ours, theirs, side, gradients=True):
    """Both on the meta device, or ours on the CPU. The same state_dict, and with it the same numbers: in prediction; in training with the
    same units dropped, with all gradients; and in prediction after it, with the running statistics moved."""
    assert shapes(ours) == shapes(theirs)
    ours = on_cpu(ours)
    theirs = theirs.to_empty(device="cpu")
    theirs.load_state_dict(ours.state_dict(), strict=True)
    before = {name: value.clone() for name, value in ours.named_buffers()}
    x = torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(1))

    seen = []
    for model in ours, theirs:
        with torch.no_grad():
            predicted = model.eval()(x)
        torch.manual_seed(5)
        trained = model.train()(x)
        pushed = torch.autograd.grad(trained.square().mean(), list(model.parameters())) if gradients else ()
        with torch.no_grad():
            seen.append((predicted, trained.detach(), model.eval()(x), pushed))
    for mine, other in zip(seen[0][:3], seen[1][:3]):
        scale = other.std()
        assert scale > 1e-3  # or else equality would say nothing
        torch.testing.assert_close(mine / scale, other / scale, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(seen[0][0], seen[0][1])  # training was at work: dropout or the batch
    for mine, other in zip(seen[0][3], seen[1][3]):
        torch.testing.assert_close(mine / other.abs().max(), other / other.abs().max(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(dict(ours.named_buffers()), dict(theirs.named_buffers()), rtol=1e-5, atol=1e-5)
    moved = [name for name, value in ours.named_buffers() if "running" in name or "tracked" in name]
    assert all(not torch.equal(ours.get_buffer(name), before[name]) for name in moved)


def first_weights(make, **kwargs):
    """Return a digest of every tensor that a network starts with under seed 0; small, as two networks may not fit."""
    torch.manual_seed(0)
    return {
        name: (value.shape, value.sum().item(), value.flatten()[:3].tolist())
        for name, value in make(**kwargs).state_dict().items()
    }

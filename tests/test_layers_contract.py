"""Every layer of helpers.layers is torch's layer of that name: one contract, which finds them by itself.

Value, gradient and state dict are torch's; and it goes wherever torch's goes: torch.func (grad, vmap, jvp, functional_call),
autocast, torch.compile as one graph, the meta device. What is special to a layer (its options, its errors, the formula by
hand) is in test_conv.py, test_norm.py, test_recurrent.py and test_attention.py.
"""

import copy
import inspect

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, jvp, vmap

from helpers import layers

THEIRS = {name.lower(): kind for name, kind in vars(nn).items() if inspect.isclass(kind)}
LAYERS = [kind for name in layers.__all__ if inspect.isclass(kind := getattr(layers, name))]
# Arguments by their names, and the input by the name of the first: a new layer needs a line here only for a new name.
ARGUMENTS = dict(in_channels=4, out_channels=6, kernel_size=3, num_features=4, normalized_shape=4, input_size=4)
ARGUMENTS |= dict(hidden_size=5, embed_dim=4, num_heads=2, batch_first=True)
IMAGES, TOKENS = (3, 4, 7, 6), (3, 5, 4)
INPUTS = dict(in_channels=IMAGES, kernel_size=IMAGES, num_features=IMAGES, normalized_shape=TOKENS, input_size=TOKENS)
INPUTS |= dict(embed_dim=TOKENS)
OPTIONS = dict(stride=2, padding=1, dilation=2, groups=2, padding_mode="circular", bias=False, num_layers=2)
OPTIONS |= dict(bidirectional=True, eps=0.1, momentum=0.3, nonlinearity="relu")


def numbers(seed, *shape, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def arguments_of(kind, options=False):
    """What a layer must be given, and batch_first; with options all that it may be given."""
    known = ARGUMENTS | OPTIONS if options else ARGUMENTS
    parameters = inspect.signature(kind).parameters
    missing = [name for name, p in parameters.items() if p.default is p.empty and name not in known]
    assert not missing, f"{kind.__name__} takes {missing}: give them values in ARGUMENTS"
    return {name: known[name] for name in parameters if name in known}


def twins(layer, dtype=torch.float64):
    """Return our layer, torch's, with the same numbers everywhere, and an input."""
    kind, options = layer
    arguments = arguments_of(kind, options)
    ours, theirs = kind(**arguments), THEIRS[kind.__name__.lower()](**arguments)
    generator = torch.Generator().manual_seed(0)
    for value in (*theirs.parameters(), *theirs.buffers()):
        if value.is_floating_point():
            nn.init.uniform_(value, 0.2, 0.8, generator=generator)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    shape = INPUTS[next(iter(arguments))]
    return ours.to(dtype), theirs.to(dtype), numbers(1, *(shape[:3] if "1d" in kind.__name__ else shape), dtype=dtype)


def first(module, x):
    """The output of a layer, or the first of them; nn.MultiheadAttention must be given x three times."""
    required = [p for p in inspect.signature(module.forward).parameters.values() if p.default is p.empty]
    out = module(*[x] * len(required))
    return out[0] if isinstance(out, tuple) else out


def gradients(module, x, push, half=False):
    x = x.detach().requires_grad_()
    leaves = [x, *module.parameters()]
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        out = first(module, x)
    found = torch.autograd.grad(out, leaves, push.to(out.dtype), allow_unused=True)
    return [torch.zeros_like(leaf) if each is None else each for leaf, each in zip(leaves, found)]


def assert_close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


every_layer = pytest.mark.parametrize(
    "layer",
    [(kind, options) for kind in LAYERS for options in (False, True)],
    ids=lambda layer: layer[0].__name__ + (" with options" if layer[1] else ""),
)


@every_layer
@pytest.mark.parametrize("training", [True, False], ids=["training", "prediction"])
def test_value_gradient_and_state_are_torchs(layer, training):
    ours, theirs, x = twins(layer)
    found, expected = (first(each.train(training), x) for each in (ours, theirs))
    assert found.shape == expected.shape and expected.std() > 0.01  # or else equality would say nothing
    assert_close(found, expected)
    push = numbers(2, *expected.shape)
    assert_close(*(gradients(each, x, push) for each in (ours, theirs)))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_close(dict(ours.state_dict()), dict(theirs.state_dict()))  # running statistics have moved alike
    theirs.load_state_dict(ours.state_dict(), strict=True)


@every_layer
def test_the_same_seed_gives_torchs_first_weights(layer):
    kind, arguments, states = layer[0], arguments_of(*layer), []
    for make in kind, THEIRS[kind.__name__.lower()]:
        torch.manual_seed(3)
        states.append(make(**arguments).state_dict())
    assert list(states[0]) == list(states[1])
    assert all(map(torch.equal, states[0].values(), states[1].values()))


@every_layer
def test_func_grad_and_functional_call(layer):
    ours, theirs, x = twins(layer)
    state = dict(ours.eval().state_dict())
    push = numbers(2, *first(theirs.eval(), x).shape)

    def loss(parameters, x):
        out = functional_call(ours, state | parameters, x)
        return ((out[0] if isinstance(out, tuple) else out) * push).sum()

    found, by_x = grad(loss, argnums=(0, 1))(dict(ours.named_parameters()), x)
    assert_close([by_x, *found.values()], gradients(theirs, x, push))


@every_layer
def test_func_vmap_one_example_at_a_time(layer):
    """So that gradients for each example, a batch of models, or Jacobians can be had."""
    ours, theirs, x = twins(layer)
    ours.eval(), theirs.eval()
    assert_close(vmap(lambda one: first(ours, one[None])[0])(x), first(theirs, x))

    def loss(parameters, one):
        return functional_call(ours, parameters, one[None])[0].square().sum()

    if parameters := dict(ours.named_parameters()):
        each = vmap(grad(loss), (None, 0))(parameters, x)
        looped = [grad(loss)(parameters, one) for one in x]
        for name in parameters:
            assert_close(each[name], torch.stack([gradient[name] for gradient in looped]))


@every_layer
def test_func_jvp(layer):
    """Forwards along a direction it finds what backwards finds."""
    ours, theirs, x = twins(layer)
    ours.eval(), theirs.eval()
    along, push = numbers(3, *x.shape), numbers(2, *first(theirs, x).shape)
    value, slope = jvp(lambda x: first(ours, x), (x,), (along,))
    assert_close(value, first(theirs, x))
    assert_close((slope * push).sum(), (gradients(theirs, x, push)[0] * along).sum())


@every_layer
@pytest.mark.parametrize("training", [True, False], ids=["training", "prediction"])
def test_autocast(layer, training):
    """Half precision inside: torch's type (or a more precise one), torch's numbers to two digits, gradients in float32."""
    ours, theirs, x = twins(layer, torch.float32)
    for inputs in x, x.bfloat16():  # from the data, and from a layer before
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found, expected = (first(each.train(training), inputs) for each in (ours, theirs))
        assert found.dtype in (expected.dtype, torch.float32)
        torch.testing.assert_close(found.float(), expected.float(), rtol=0.02, atol=0.02)
        push = numbers(2, *found.shape, dtype=found.dtype)
        for mine, other in zip(*(gradients(each, x, push, half=True) for each in (ours, theirs))):
            assert mine.dtype == torch.float32
            torch.testing.assert_close(mine, other, rtol=0.05, atol=0.05 * float(other.abs().max()))
    states = [each.state_dict() for each in (ours, theirs)]
    torch.testing.assert_close(*states, rtol=0.01, atol=0.01)  # running statistics too


@every_layer
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_is_passed_on(layer, bad):
    ours, theirs, x = twins(layer)
    x.view(len(x), -1)[0, 0] = bad
    found, expected = first(ours.eval(), x), first(theirs.eval(), x)
    assert torch.equal(found.isfinite(), expected.isfinite())
    assert_close(found[1:], expected[1:])  # the other examples do not notice


@every_layer
def test_compile_takes_it_as_one_graph(layer):
    ours, theirs, x = twins(layer)
    torch.compiler.reset()
    compiled = torch.compile(ours, backend="aot_eager", fullgraph=True)
    push = numbers(2, *first(copy.deepcopy(theirs), x).shape)
    x, y = (x.detach().requires_grad_() for _ in range(2))
    out = compiled(x)
    found, expected = out[0] if isinstance(out, tuple) else out, first(theirs, y)
    assert_close(found, expected)
    found.backward(push), expected.backward(push)
    assert_close([x.grad, *(p.grad for p in ours.parameters())], [y.grad, *(p.grad for p in theirs.parameters())])


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
def test_compile_for_any_size(kind):
    ours, theirs, x = twins((kind, False))
    torch.compiler.reset()
    out = torch.compile(ours, backend="eager", fullgraph=True, dynamic=True)(x)
    assert_close(out[0] if isinstance(out, tuple) else out, first(theirs, x))


@every_layer
def test_shapes_alone_on_the_meta_device(layer):
    ours, theirs, x = twins(layer, torch.float32)
    assert first(ours.to("meta"), x.to("meta")).shape == first(theirs, x).shape


LOOPS = [name for name in vars(layers) if name.endswith("_naive")]


@pytest.mark.parametrize("name", LOOPS)
def test_every_loop_is_the_definition_of_its_fast_form(name):
    """On a small case; the options are compared with torch's in the files of the layers."""
    x, fast = numbers(1, 2, 4, 5, 6), getattr(layers, name.removesuffix("_naive"))
    loop = getattr(layers, name)
    given = {
        "conv2d_naive": ((x, numbers(2, 6, 4, 3, 2), numbers(3, 6)), {}),
        "batch_norm_naive": ((x, numbers(2, 4), numbers(3, 4)), {}),
        "attention_naive": ((x, x, x), {}),
    }.get(name, ((x, 2), {}))[0]
    expected = fast(x, None, None, *given[1:], training=True) if name == "batch_norm_naive" else fast(*given)
    assert_close(loop(*given), expected)

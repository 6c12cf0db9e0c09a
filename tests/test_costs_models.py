"""The cost table on models as people write them: what runs is what is counted, and the model is left as it was."""

import functools
import inspect
import random
from collections import OrderedDict, defaultdict, deque

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.costs import cost_table


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Net(nn.Module):
    """A network of some parts and one function of itself and its inputs."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs, **named):
        return self.function(self, *inputs, **named)


def lin(width=4):
    return nn.Linear(width, width)


# What a model sees is what it would see without us


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = lin()

    def forward(self, x, twice=False):
        return self.l(self.l(x)) if twice else self.l(x)


@pytest.mark.parametrize(
    "sees",
    [
        lambda p: "twice" in inspect.signature(p.forward).parameters,
        lambda p: "twice" in inspect.getfullargspec(p.forward).args,
        lambda p: "twice" in p.forward.__code__.co_varnames,
        lambda p: p.forward.__defaults__ == (False,) and p.forward.__self__ is p,
        lambda p: p.forward.__func__ is type(p).forward,
        lambda p: "forward" not in vars(p),
        lambda p: "twice" in inspect.getsource(p.forward),
        lambda p: type(p) is Twice and isinstance(p.l.weight, nn.Parameter) and p.l.weight.requires_grad,
        lambda p: [*dict(p.named_parameters())] == ["l.weight", "l.bias"] and not p.training,
    ],
)
def test_a_model_sees_itself(sees):
    assert (
        cost_table(Net(lambda s, x: s.p(x, **{"twice": True} if sees(s.p) else {}), p=Twice()), (1, 4)).total.macs == 32
    )


class Marked(nn.Parameter):
    pass


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_weights_keep_their_class_and_their_attributes(device):
    def forward(s, x):
        plain = type(s.w) is Marked and isinstance(s.w, nn.Parameter) and s.w.mark == 3 and not s.w.requires_grad
        return x @ s.w @ s.w if plain and isinstance(s.b, nn.Buffer) else x

    net = Net(forward, w=Marked(torch.ones(4, 4, device=device), requires_grad=False), b=nn.Buffer(torch.ones(4)))
    net.w.mark = 3
    assert cost_table(net, (1, 4)).total.macs == 32


def tries(error):
    def forward(s, x):
        try:
            return s.a(x)
        except error:
            return s.b(x[..., :4])

    return forward


@pytest.mark.parametrize("error", [RuntimeError, Exception])
def test_a_models_own_except_catches_what_it_would(error):
    assert cost_table(Net(tries(error), a=lin(5), b=lin()), (1, 6)).total.macs == 16
    assert cost_table(Net(tries(error), a=nn.Sequential(lin(5)), b=lin()), (1, 6)).total.macs == 16


def test_a_models_own_except_does_not_catch_what_fails_here_alone():
    net = Net(tries(Exception), a=Net(lambda s, x: x if x.sum() > 0 else -x), b=lin())
    with pytest.raises(ValueError, match="needs the values"):
        cost_table(net, (1, 4))


def halves(x):
    return F.max_pool2d(x, 2)


def two_convolutions():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1))


@pytest.mark.parametrize(
    "hook",
    [
        lambda m: m[0].register_forward_hook(lambda mod, i, o: halves(o)),
        lambda m: m[1].register_forward_pre_hook(lambda mod, i: halves(i[0])),
        lambda m: m[0].register_forward_hook(lambda mod, i, k, o: halves(o), with_kwargs=True),
        lambda m: m[1].register_forward_pre_hook(lambda mod, i, k: ((halves(i[0]),), k), with_kwargs=True),
        lambda m: nn.modules.module.register_module_forward_hook(lambda mod, i, o: halves(o) if mod is m[0] else None),
    ],
)
def test_hooks_run(hook):
    m = two_convolutions()
    handle = hook(m)
    try:
        table = cost_table(m, (1, 3, 32, 32))
    finally:
        handle.remove()
    assert table.total.macs == 221_184 + 147_456 and table.rows[-1].out_shape == (1, 8, 16, 16)
    assert cost_table(m, (1, 3, 32, 32)).total.macs == 811_008


def test_features_tapped_by_hooks():
    body, found = two_convolutions(), {}
    body[0].register_forward_hook(lambda mod, i, o: found.update(first=o))

    def forward(s, x):
        s.body(x)
        return s.head(found["first"].mean((2, 3)))

    model = Net(forward, body=body, head=nn.Linear(8, 2))
    assert cost_table(model, (1, 3, 32, 32)).total.macs == 811_008 + 16
    assert found == {} and len(body[0]._forward_hooks) == 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_is_seen(dtype):
    def forward(s, x):
        with torch.autocast("cpu", dtype=dtype):
            h = s.l(x)
            same = torch.cat([h, x]).dtype == torch.float32 and (h @ h.mT).dtype == dtype and F.relu(h).dtype == dtype
            return s.l(h) if h.dtype == dtype and same and x.dtype == torch.float32 else h

    assert cost_table(Net(forward, l=lin()), (1, 4)).total.macs == 32 + 4
    with torch.autocast("cpu", dtype=dtype):
        inside = cost_table(Net(lambda s, x: s.l(s.l(x)) if s.l(x).dtype == dtype else x, l=lin()), (1, 4))
    assert inside.total.macs == 48


# What is used and not registered


def listed(s, x):
    for layer in s.layers:
        x = layer(x)
    return s.l(x)


def test_layers_in_a_plain_list_are_named():
    table = cost_table(Net(listed, l=lin(), layers=[lin() for _ in range(3)]), (1, 4))
    assert (table.total.macs, table.total.params, table.unregistered) == (64, 20, {"(model)": 60})
    for shown in (repr(table), table._repr_html_()):
        assert "NOT REGISTERED" in shown and "60 (in (model))" in shown
    assert "NOT REGISTERED" not in repr(cost_table(Net(listed, l=lin(), layers=nn.ModuleList([lin()])), (1, 4)))


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(
    "parts, forward",
    [
        ({"w": [nn.Parameter(torch.ones(4, 4))]}, lambda s, x: s.l(x) @ s.w[0]),
        ({"w": {"a": torch.ones(4, 4, requires_grad=True)}}, lambda s, x: s.l(x) @ s.w["a"].T),
        ({"w": (torch.ones(4, 4, requires_grad=True),)}, lambda s, x: torch.cat([s.l(x), s.w[0]])),
        ({"w": [nn.BatchNorm1d(4), nn.Linear(4, 2, bias=False)]}, lambda s, x: s.w[1](s.w[0](s.l(x)))),
    ],
)
def test_weights_outside_the_registers_are_named(parts, forward, device):
    if device == "meta" and isinstance(parts["w"], list):
        parts = {
            "w": [
                part.to("meta") if isinstance(part, nn.Module) else nn.Parameter(part.to("meta")) for part in parts["w"]
            ]
        }
    table = cost_table(Net(forward, l=lin(), **parts), (2, 4))
    assert table.unregistered == {"(model)": 16} and table.total.params == 20


def test_constants_are_not_weights():
    table = cost_table(Net(lambda s, x: s.l(x) + s.c[0] @ torch.ones(4, 4), l=lin(), c=[torch.ones(4)]), (1, 4))
    assert table.unregistered == {}


class MadeAtTheFirstCall(nn.Module):
    def __init__(self, move=False):
        super().__init__()
        self.move = move

    def forward(self, x):
        if not hasattr(self, "fc"):
            self.fc = nn.Sequential(nn.Linear(x.shape[-1], 3), nn.ReLU())
            self.scale = nn.Parameter(torch.ones(3))
            if self.move:
                self.to(x.device)
        return self.fc(x) * self.scale


@pytest.mark.parametrize("move", [False, True])
def test_layers_made_at_the_first_call_are_counted_and_taken_out_again(move):
    model = nn.Sequential(lin(), MadeAtTheFirstCall(move))
    state = torch.get_rng_state()
    for _ in range(2):
        table = cost_table(model, (2, 4))
        assert table.total.macs == 2 * 16 + 2 * 12 and table.total.params == 20 + 15 + 3 and table.unregistered == {}
        assert [row.name for row in table.rows] == ["0", "1.fc.0", "1.fc.1", "1"]
    assert [*model.state_dict()] == ["0.weight", "0.bias"] and not hasattr(model[1], "fc")
    assert all(p.device.type == "cpu" for p in model.parameters()) and torch.equal(state, torch.get_rng_state())


def test_a_layer_that_outlives_the_pass_is_left_as_it_was_made():
    class Elsewhere:
        made = None

    def forward(self, x):
        Elsewhere.made = self.fc = lin()
        return self.fc(x)

    assert cost_table(Net(forward), (2, 4)).total.macs == 2 * 16
    assert vars(Elsewhere.made).keys() == vars(lin()).keys()


def test_a_layer_that_is_called_first_and_registered_then():
    def forward(self, x):
        layer = lin()
        out = layer(x)
        self.fc = layer
        return out

    table = cost_table(Net(forward), (2, 4))
    assert table.total.macs == 2 * 16 and table.total.params == 20 and table.unregistered == {}


def test_what_the_user_compiled_is_counted_and_stays_compiled():
    model = nn.Sequential(lin(), nn.ReLU())
    model[0].compile(backend="eager")
    compiled = model[0]._compiled_call_impl
    table = cost_table(model, (2, 4))
    assert [row.name for row in table.rows] == ["0", "1"] and table.total.macs == 2 * 16
    assert model[0]._compiled_call_impl is compiled and "_compiled_call_impl" not in vars(model[1])


# Valid models, that ask for numbers which do not depend on the input

X = (2, 10, 16)
causal = nn.Transformer.generate_square_subsequent_mask


def encoder(layers):
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), layers)


def padding(x):
    return torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)


@pytest.mark.parametrize(
    "layers, forward",
    [
        (1, lambda s, x: s.e(x, src_key_padding_mask=padding(x))),
        (2, lambda s, x: s.e(x, src_key_padding_mask=s.padding)),
        (2, lambda s, x: s.e(x, mask=causal(10, device=x.device))),
        (2, lambda s, x: s.e(x, mask=causal(10).to(x.device), is_causal=True)),
        (2, lambda s, x: s.e(x, mask=s.mask)),
        (2, lambda s, x: s.e(x, mask=s.plain)),
        (2, lambda s, x: s.e(x, mask=torch.ones(10, 10, device=x.device, dtype=torch.bool).triu(1))),
    ],
)
def test_transformer_encoders_with_masks(layers, forward):
    net = Net(forward, e=encoder(layers), mask=nn.Buffer(causal(10)), padding=nn.Buffer(padding(torch.ones(2, 10))))
    net.plain = [causal(10)][0]
    assert cost_table(net, X).total.macs == layers * 47_360


def test_a_transformer_decoder_with_masks():
    def forward(s, x, memory):
        return s.d(x, memory, tgt_mask=causal(10, device=x.device), memory_key_padding_mask=padding(memory))

    net = Net(forward, d=nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 4, 32, batch_first=True), 2))
    own, across, mlp = 4 * 10 * 256 + 2 * 100 * 16, (2 * 10 + 2 * 7) * 256 + 2 * 70 * 16, 2 * 10 * 16 * 32
    assert cost_table(net, [X, (2, 7, 16)]).total.macs == 2 * 2 * (own + across + mlp)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_traced_scripted_and_compiled():
    traced, scripted = (
        torch.jit.trace(lin(), torch.zeros(1, 4)),
        torch.jit.script(nn.Sequential(lin(), nn.ReLU(), lin())),
    )
    compiled, inside = torch.compile(lin()), lin()
    inside.compile()
    assert cost_table(traced, (1, 4)).total[::2] == (20, 16)
    assert cost_table(scripted, (1, 4)).total[::2] == (40, 32)
    assert cost_table(nn.Sequential(lin(), traced, scripted, compiled, inside), (1, 4)).total[::2] == (120, 96)
    norm = torch.jit.script(nn.BatchNorm1d(4)).train()
    cost_table(norm, (2, 4))
    assert int(norm.num_batches_tracked) == 0 and norm.training and float(norm.running_mean.sum()) == 0


class Own(nn.Embedding):
    def forward(self, x, past=0):
        mask = torch.ones(x.shape[:2], device=x.device).long()
        return super().forward((mask.cumsum(1) * mask - 1)[:, past:] + 2)


def loop(times):
    def forward(s, x):
        for _ in range(times(s)):
            x = s.l(x)
        return x

    return forward


@pytest.mark.parametrize(
    "net, shape, macs",
    [
        (
            Net(
                lambda s, x: [s.l(p) for p in x.split(torch.cat([torch.tensor([1, 2]), torch.tensor([1])]).tolist())],
                l=lin(),
            ),
            (4, 4),
            64,
        ),
        (
            Net(lambda s, x: [s.l(p) for p in x.split(torch.tensor([1, 3], device=x.device).tolist())], l=lin()),
            (4, 4),
            64,
        ),
        (
            Net(lambda s, x: [s.l(p) for p in x.split(s.n.tolist())], l=lin(), n=nn.Buffer(torch.tensor([1, 3]))),
            (4, 4),
            64,
        ),
        (Net(lambda s, x: s.l(x + s.e(x)), l=lin(), e=Own(50, 4)), (2, 7, 4), 224),
        (Net(loop(lambda s: int(s.n)), l=lin(), n=nn.Buffer(torch.tensor(3))), (1, 4), 48),
        (Net(loop(lambda s: s.n.round().long().item()), l=lin(), n=nn.Buffer(torch.tensor(3.2))), (1, 4), 48),
        (Net(loop(lambda s: int(s.n.exp())), l=lin(), n=nn.Parameter(torch.tensor(1.2))), (1, 4), 48),
        (Net(lambda s, x: [s.l(x) for t in torch.arange(3, device=x.device) if t < 2], l=lin()), (1, 4), 32),
        (Net(lambda s, x: s.l(x[torch.arange(4, device=x.device) % 2 == 0]), l=lin()), (4, 4), 32),
        (Net(lambda s, x: s.l(x[s.m.nonzero()[:, 0]]), l=lin(), m=nn.Buffer(torch.tensor([True, False]))), (2, 4), 16),
        (Net(lambda s, x: s.l(x[: int(torch.ones(2, device=x.device).cpu().numpy().sum())]), l=lin()), (4, 4), 32),
        (Net(loop(lambda s: int(s.n[[-1, 0]].sum())), l=lin(), n=nn.Buffer(torch.tensor([1, 5, 2]))), (1, 4), 48),
        (Net(loop(lambda s: int(s.n[:, [True, False]])), l=lin(), n=nn.Buffer(torch.tensor([[3, 2]]))), (1, 4), 48),
    ],
)
def test_numbers_that_do_not_depend_on_the_input_stay_numbers(net, shape, macs):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert cost_table(net, shape).total.macs == macs
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_lengths_may_be_an_input():
    pack = nn.utils.rnn.pack_padded_sequence
    net = Net(lambda s, x, n: s.l(pack(x, n.cpu(), enforce_sorted=False))[1], l=nn.LSTM(3, 4))
    assert cost_table(net, [(7, 2, 3), torch.tensor([7, 3])]).total.macs == 10 * 4 * 4 * 7


def test_a_model_may_look_for_padding_in_its_tokens():
    def forward(s, tokens):
        if 3 in tokens[:, [-1, 0]]:
            raise AssertionError("no token is 3")
        return s.l(s.e(tokens))

    net = Net(forward, e=nn.Embedding(5, 4), l=lin())
    assert cost_table(net, torch.tensor([[1, 3, 2]])).total.macs == 3 * 16
    with pytest.raises(ValueError, match="no token is 3"):
        cost_table(net, torch.tensor([[3, 1, 2]]))


def test_lazy_layers_are_counted_and_stay_lazy():
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    for _ in range(2):
        assert cost_table(model, (1, 3, 8, 8)).total[::2] == (112 + 8 + 290, 4 * 36 * 27 + 288)
    assert [type(layer).__name__[:4] for layer in model] == ["Lazy", "Lazy", "Flat", "Lazy"]
    assert all(nn.parameter.is_lazy(p) for p in model.parameters()) and len(model[0]._forward_pre_hooks) == 1
    assert model(torch.ones(1, 3, 8, 8)).shape == (1, 2)


def test_three_hundred_modules_inside_each_other():
    net = lin()
    for _ in range(300):
        net = nn.Sequential(net)
    assert cost_table(net, (1, 4)).total.macs == 16


# Left as it was


class State:
    def __init__(self):
        self.seen = []


def test_what_forward_and_hooks_keep_is_put_back():
    np = pytest.importorskip("numpy")
    seen, model = [], nn.Sequential(lin(), nn.BatchNorm1d(4), lin()).train()
    model.extra, model.generator, model.numbers, model.state = {"a": [1]}, torch.Generator(), torch.zeros(2), State()
    model.queue, model.groups = deque([1], maxlen=3), defaultdict(list, b=[])

    def hook(module, inputs, out, plus=seen):
        seen.append(1)
        plus.append(2)
        for each in (model.extra["a"], model.queue, model.groups["b"], model.groups["new"], model.state.seen):
            each.append(out)
        model.extra["b"] = model.state.extra = out
        model.numbers.add_(1)
        model.numbers[0] = 5
        torch.rand(3, generator=model.generator), np.random.rand(), random.random(), torch.rand(1)
        module.register_forward_hook(lambda *_: None)
        module.weight.requires_grad_(False)
        model.train()

    model[0].register_forward_hook(functools.partial(hook, plus=[]))
    states = model.generator.get_state(), torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    before, inside = {k: v.clone() for k, v in model.state_dict().items()}, OrderedDict(model._modules)
    cost_table(model, (3, 4))
    assert seen == [] and model.extra == {"a": [1]} and [*model.queue] == [1] and model.groups == {"b": []}
    assert vars(model.state) == {"seen": []} and model.numbers.tolist() == [0, 0] and model.queue.maxlen == 3
    assert len(model[0]._forward_hooks) == 1 and model[0].weight.requires_grad and model.training and model[1].training
    assert torch.equal(states[0], model.generator.get_state()) and torch.equal(states[1], torch.get_rng_state())
    assert states[2] == random.getstate() and (states[3] == np.random.get_state()[1]).all()
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items()) and inside == model._modules


def test_layers_in_a_plain_list_are_left_as_they_were():
    norm = nn.BatchNorm1d(4)
    cost_table(Net(listed, l=lin(), layers=[norm, lin()]), (3, 4))
    assert int(norm.num_batches_tracked) == 0 and norm.running_mean.tolist() == [0] * 4 and norm.training

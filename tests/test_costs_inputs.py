"""What cost_table takes, as people call their models; what it says where it cannot; and what one does with a table."""

import itertools

import pytest
import torch
import torch.nn.functional as F
import torchvision
from test_costs_models import Net, lin
from torch import nn
from torch.profiler import ProfilerActivity, profile

from helpers import costs
from helpers.costs import cost_table, diff, folded, to_markdown, training_memory

np = pytest.importorskip("numpy")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class One(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = lin()

    def forward(self, x):
        return self.l(x)


class Many(One):
    def forward(self, x, mask, flag, times=1):
        for _ in range(times):
            x = self.l(x)
        return x if mask is None and flag is True else self.l(x)


class ByName(One):
    def forward(self, *, x, mask=None, mode="plain"):
        return self.l(self.l(x)) if mode == "twice" else self.l(x)


class Batch(One):
    def forward(self, batch):
        return {"out": self.l(batch["x"])}


class Images(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)

    def forward(self, images, targets=None):
        return [self.c(image[None]) for image in images]


@pytest.mark.parametrize(
    "model, given, named, macs",
    [
        (One(), [(np.int64(1), np.int32(4))], {}, 16),
        (One(), [torch.Size((1, 4))], {}, 16),
        (One(), [], {"x": (1, 4)}, 16),
        (Many(), [[(1, 4), None, True]], {}, 16),
        (Many(), [[(1, 4), None, True, 3]], {}, 48),
        (Many(), [(1, 4)], {"mask": None, "flag": False}, 32),
        (ByName(), [], {"x": (2, 4), "mask": None}, 32),
        (ByName(), [], {"x": torch.rand(2, 4), "mode": "twice"}, 64),
        (ByName(), [{"x": (2, 4), "mask": (2, 4)}], {}, 32),
        (Batch(), [{"x": (2, 4)}], {}, 32),
        (Batch(), [[{"x": (2, 4)}]], {}, 32),
        (Batch(), [], {"batch": {"x": (2, 4), "y": None}}, 32),
        (Images(), [], {"images": [(3, 8, 8), (3, 9, 9)]}, 4 * 27 * (36 + 49)),
        (Images(), [[torch.rand(3, 8, 8), torch.rand(3, 9, 9)]], {}, 4 * 27 * (36 + 49)),
        (Images(), [[(3, 8, 8)]], {}, 4 * 27 * 36),
    ],
)
def test_inputs_as_people_call_their_models(model, given, named, macs):
    assert cost_table(model, *given, **named).total.macs == macs


@pytest.mark.parametrize("kind", [tuple, list])
def test_a_loaders_batch(kind):
    table = cost_table(One(), kind((torch.rand(5, 4), torch.zeros(5).long())))
    assert table.total.macs == 80 and "the model took the first only" in repr(table)


CONV = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
IMAGES = [torch.rand(3, 32, 32)] * 4


@pytest.mark.parametrize(
    "model, given, message",
    [
        (
            CONV,
            torch.zeros(1, 3, 9, 9).byte(),
            r"0 \(Conv2d\) has weights of torch.float32, got .* torch.uint8: give x.to\(",
        ),
        (
            CONV,
            torch.zeros(1, 3, 9, 9).double(),
            r"torch.float32, got input \(1, 3, 9, 9\) of torch.float64: give x.to",
        ),
        (
            lin(),
            torch.zeros(1, 4).long(),
            r"\(Linear\) has weights of torch.float32, got input \(1, 4\) of torch.int64",
        ),
        (nn.BatchNorm2d(3), torch.zeros(1, 3, 2, 2).double(), "has weights of torch.float32, got .* torch.float64"),
        (nn.LSTM(3, 4), torch.zeros(2, 1, 3).half(), "has weights of torch.float32, got .* torch.float16"),
        (CONV, IMAGES, r"does not take 4 input\(s\): .*give one batch of all images: torch.stack\(images\)"),
        (CONV, np.zeros((1, 3, 9, 9)), r"numpy array of shape \(1, 3, 9, 9\): .*torch.from_numpy\(array\)"),
        (CONV, [np.zeros((1, 3, 9, 9))], "torch.from_numpy"),
        (CONV, (32, 32, 3), r"no batch size, and its channels last, did you mean \(1, 3, 32, 32\)\?"),
        (CONV, (1, 32, 32, 3), r"its channels last, did you mean \(1, 3, 32, 32\)\?"),
        (CONV, (32, 32), r"did you mean \(1, 3, 32, 32\)\?"),
        (CONV, torch.utils.data.DataLoader(IMAGES), r"give one batch of it, next\(iter\(loader\)\)"),
        (lin(), torch.eye(4).to_sparse(), r"sparse .* give x.to_dense\(\)"),
        (torchvision.models.ResNet, (1, 3), r"got the class ResNet itself: make one, ResNet\("),
        (lin().state_dict(), (1, 4), r"weights without layers: load them into a model"),
        (type("No", (nn.Module,), {})(), (1, 4), r"model \(No\) has no forward, so there is nothing to run"),
        (nn.ModuleList([lin()]), (1, 4), r"ModuleList\) has no forward, .* nn.Sequential\(\*model\) has one"),
        (ByName(), (1, 4), r"does not take 1 input\(s\): .*name them: cost_table\(model, x=…, mask=…, mode=…\)"),
        (nn.Bilinear(3, 4, 5), {"input1": (2, 3), "other": (2, 4)}, "no inputs called|does not take"),
        (CONV, {"x": (1, 3, 8, 8)}, r"no inputs called x, so it got the dictionary as one"),
        (
            Net(lambda s, x: torch.sparse.mm(x.to_sparse(), x)),
            (4, 4),
            "calls aten._to_sparse, which torch cannot run on shapes",
        ),
        (
            Net(lambda s, x: s.backbone(x[x > 0]), backbone=lin()),
            (4, 4),
            r"needs the values .*: count .* model.backbone",
        ),
        (Net(lambda s, x: x.tolist()), (4, 4), r"needs the values of its input \(4, 4\) \(tolist\(\)\)"),
        (Net(lambda s, x: x.cpu().numpy()), (4, 4), r"needs the values of its input \(4, 4\) \(numpy\(\)\)"),
    ],
)
def test_messages(model, given, message):
    with pytest.raises(ValueError, match=message) as caught:
        cost_table(model, given)
    assert len(str(caught.value)) < 420 and "\n" not in str(caught.value)


def test_a_forgotten_shape_is_said():
    with pytest.raises(ValueError, match=r"no input_shape was given, so \(1, 3, 224, 224\) was tried"):
        cost_table(lin())


@pytest.mark.filterwarnings("ignore")
def test_a_quantised_model_is_refused_in_one_sentence():
    model = torch.ao.quantization.quantize_dynamic(nn.Sequential(lin()), {nn.Linear})
    with pytest.raises(ValueError, match=r"0 \(Linear\) is quantised, .*: count the float model that it was made from"):
        cost_table(model, (1, 4))


def test_detectors_keep_all_boxes():
    with torch.device("meta"):
        make = torchvision.models.detection.fasterrcnn_resnet50_fpn
    table = cost_table(make(weights=None, weights_backbone=None), images=[(3, 800, 800)])
    assert table.total.macs - sum(table.by_rule.values()) == 134_379_721_216  # torchvision publishes 134.38 billion
    assert [row.out_shape for row in table.rows if row.name == "roi_heads.box_head.fc7"] == [(1000, 1024)]
    assert "here all, up to its own limits" in repr(table) and table.unregistered == {} and table.uncounted == []


# What one does with a table


@pytest.fixture(scope="module")
def table():
    return cost_table(torchvision.models.resnet18(), (1, 3, 64, 64))


def test_sorted_markdown_weights_folded(table):
    assert [row.macs for row in table.sorted_by("macs").rows] == sorted((row.macs for row in table.rows), reverse=True)
    assert table.sorted_by("name", descending=False).rows[0].name == "avgpool" and table.weights == 4 * 11_689_512
    with pytest.raises(ValueError, match="must be one of params, memory, macs, name, kind"):
        table.sorted_by("size")
    text = to_markdown(table).split("\n")
    assert text[0].startswith("| name | kind |") and text[2].startswith("| conv1 | Conv2d |")
    assert f"{table.total.macs:,}" in text[len(table.rows) + 2] and "FLOPs = 2 × MACs" in to_markdown(table)
    page = folded(table)._repr_html_()
    assert page.count("<details>") == len(table.by_block().rows) == page.count("</details>") and "layer1: " in page
    assert page.count("<style>") == 1 and repr(folded(table)) == repr(table.by_block())


def test_diff():
    wide, narrow = (cost_table(nn.Sequential(nn.Linear(4, n), nn.ReLU(), nn.Linear(n, 2)), (1, 4)) for n in (8, 4))
    text = repr(diff(narrow, wide))
    assert "total" in text and "+24 (+100.0 %)" in text and diff(wide, wide).text.count("\n") == 1
    assert "<td>total</td>" in diff(narrow, wide)._repr_html_()
    with pytest.raises(ValueError, match="b .*must be a cost table"):
        diff(wide, 3)


def test_pictures(table, monkeypatch):
    shown = []
    monkeypatch.setattr("helpers.plots.show", lambda fig, alt: shown.append(alt))
    costs.show_shares(table, "params")
    assert "layer4.1.conv" in shown[0] and "more" in shown[0]
    with pytest.raises(ValueError, match="0 in every row"):
        costs.show_shares(cost_table(nn.ReLU(), (1, 2)))


def peak(run):
    """Return the most memory, bytes, that torch's allocator gave out within run(), by its own record."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        run()
    given = [each for each in record.profiler.kineto_results.events() if each.name() == "[memory]"]
    return max(itertools.accumulate(each.nbytes() for each in sorted(given, key=lambda each: each.start_ns())))


class FirstOf(nn.Module):
    def forward(self, outputs):
        return outputs[0]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize(
    "make, shape",
    [
        (
            lambda: nn.Sequential(
                nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 9, 3)
            ),
            (16, 3, 32, 32),
        ),
        (torchvision.models.resnet18, (8, 3, 64, 64)),
        (lambda: nn.TransformerEncoderLayer(64, 4, 128, batch_first=True), (8, 50, 64)),
        (lambda: nn.Sequential(nn.GRU(64, 128, 2), FirstOf()), (50, 32, 64)),
        (lambda: nn.Sequential(nn.LSTM(64, 128, 2), FirstOf()), (50, 32, 64)),  # without oneDNN's own, which keeps more
    ],
)
@pytest.mark.filterwarnings("ignore:TF32 acceleration")
def test_training_memory_against_a_measured_peak(make, shape, optimizer):
    model, x = make(), torch.rand(shape)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    found = training_memory(model, shape, optimizer)
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items()) and model.training
    steps = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer](model.parameters(), lr=0.1)

    def train():
        for _ in range(2):
            steps.zero_grad()
            model(x).sum().backward()
            steps.step()

    held = sum(tensor.nbytes for tensor in [*model.parameters(), *model.buffers(), x])
    with torch.backends.mkldnn.flags(enabled=False):
        measured = held + peak(train)
    assert 0.8 < found.total / measured < 1.15
    assert found.weights == 4 * sum(t.numel() for t in model.state_dict().values()) + 4 * len(
        [b for b in model.buffers() if b.dtype == torch.long]
    )
    assert "activations" in repr(found)


def test_training_memory_grows_with_the_batch():
    small, large = (training_memory(F_net(), (n, 8)) for n in (1, 5))
    assert large.activations == 5 * small.activations and large[:3] == small[:3]
    assert small.passing < large.passing <= 5 * small.passing
    with pytest.raises(ValueError, match="optimizer .*must be one of sgd"):
        training_memory(F_net(), (1, 8), "lion")


def F_net():
    return Net(lambda s, x: F.relu(s.a(x)), a=lin(8))

"""The race of the chapter: seven networks of about 4,750 parameters, recall at a growing distance, and order.

The rule is chapter 08's: a network has learnt when the mean loss of 20 steps is below 0.05, and has a limited number of steps.
"""

import torch
import torch.nn.functional as F
from torch import nn

from helpers.layers.attention import MultiHeadAttention, attention
from helpers.sequences import recall
from helpers.training import Training, train

WIDTHS = {
    "CNN, field 9": 19,
    "CNN, field 81": 19,
    "RNN": 44,
    "LSTM": 23,
    "LSTM, chrono": 23,
    "attention": 32,
    "attention + places": 32,
}
LENGTHS = {"20 blanks": 21, "40 blanks": 41, "order": 7}
MOST = 300  # steps, as in chapter 08
RATES = (0.001, 0.003, 0.01, 0.03)


class Reader(nn.Module):
    """Look symbols up, pass them through a body of one kind, and name a symbol from its last step.

    kind:    one of WIDTHS;  T: the length of the sequences, for the learnt places and the chrono start
    forward: x (N, T) int64, 0 to 8, where 8 is the blank → (N, 8)
    """

    def __init__(self, kind, T):
        super().__init__()
        width = WIDTHS[kind]
        self.kind, self.look_up, self.head = kind, nn.Embedding(9, width), nn.Linear(width, 8)
        if kind.startswith("CNN"):
            dilations = (1, 1, 1, 1) if kind == "CNN, field 9" else (1, 3, 9, 27)
            parts = [
                part
                for d in dilations
                for part in (nn.ConstantPad1d((2 * d, 0), 0.0), nn.Conv1d(width, width, 3, dilation=d), nn.ReLU())
            ]
            self.body = nn.Sequential(*parts)
        elif kind.startswith("attention"):
            self.body = MultiHeadAttention(width, 1)
            self.places = nn.Parameter(0.5 * torch.randn(1, T, width)) if "places" in kind else 0
        else:
            self.body = (nn.RNN if kind == "RNN" else nn.LSTM)(width, width, batch_first=True)
        if kind == "LSTM, chrono":  # forget bias log U(1, T - 1), input bias its negative: chapter 08
            with torch.no_grad():
                keep = torch.log(1 + (T - 2) * torch.rand(width))
                self.body.bias_ih_l0[: 2 * width] = 0
                self.body.bias_hh_l0[: 2 * width] = torch.cat([-keep, keep])

    def forward(self, x):
        z = self.look_up(x)
        if self.kind.startswith("CNN"):
            return self.head(self.body(z.transpose(1, 2))[:, :, -1])
        if self.kind.startswith("attention"):
            z = z + self.places
            return self.head(self.body(z[:, -1:], z)[:, 0])  # one query, the last step
        return self.head(self.body(z)[0][:, -1])


def order(n, generator=None):
    """Return two symbols among six places, then a blank, (n, 7); and the symbol that came first, (n,)."""
    at = torch.rand(n, 6, generator=generator).argsort(1)[:, :2].sort(1).values
    two = torch.rand(n, 8, generator=generator).argsort(1)[:, :2]
    return F.pad(torch.full((n, 6), 8).scatter(1, at, two), (0, 1), value=8), two[:, 0]


def batch(task):
    """Return what draws a batch of a task: for recall all 8 sequences that there are, as in chapter 08."""
    if task == "order":
        return lambda dice: order(32, dice)
    x, _ = recall(8, LENGTHS[task] - 1)
    x[:, 0] = torch.arange(8)
    return lambda dice: (x, torch.arange(8))


def learn(kind, task, rate, seed, most=MOST):
    """Train a Reader until it has learnt, at most `most` steps.

    returns: (model, steps that it took), or (model, None) where it has not learnt
    """
    torch.manual_seed(seed)
    model = Reader(kind, LENGTHS[task])
    run = Training(
        model,
        batch(task),
        steps=20,
        seed=seed,
        clip=1.0,
        live=False,
        optimizer=torch.optim.Adam(model.parameters(), rate, fused=True),
    )
    for run.epochs in range(1, most // 20 + 1):  # twenty steps more each time
        run.run()
        if run.rows[-1]["loss"] < 0.05:
            return model.eval(), len(run.losses)
    return model.eval(), None


def parameters(kind, task="40 blanks"):
    """Return how many numbers a Reader learns."""
    return sum(each.numel() for each in Reader(kind, LENGTHS[task]).parameters())


def root_run(d, divide, seed):
    """Train attention of width d to recall over 20 blanks, scores divided by √d or not; return the loss after 100 steps.

    Embeddings, and the weights that make queries and keys, start so that queries and keys have variance 1. Only the
    division differs. Adam at 0.003; batches hold all eight sequences.
    """
    torch.manual_seed(seed)
    net = nn.ModuleDict(
        {
            "look_up": nn.Embedding(9, d),
            "query": nn.Linear(d, d, bias=False),
            "key": nn.Linear(d, d, bias=False),
            "head": nn.Linear(d, 8),
        }
    )
    for name in ("query", "key"):
        nn.init.normal_(net[name].weight, std=d**-0.5)

    def step(net, pair):
        x, y = pair
        z = net["look_up"](x)
        mixed = attention(net["query"](z[:, -1:]), net["key"](z), z, scale=d**-0.5 if divide else 1.0)
        return F.cross_entropy(net["head"](mixed[:, 0]), y)

    optimizer = torch.optim.Adam(net.parameters(), 0.003)
    return train(net, batch("20 blanks"), step=step, steps=100, seed=seed, live=False, optimizer=optimizer).losses[-1]


@torch.no_grad()
def look(reader, blanks):
    """Return an attention Reader's weights on the symbol, (8,), for so many blanks, and how many of 8 answers are right."""
    symbols = F.pad(torch.arange(8)[:, None], (0, blanks), value=8).to(next(reader.parameters()).device)
    z = reader.look_up(symbols)
    weights = reader.body(z[:, -1:], z, return_weights=True)[1][:, 0, 0, 0]
    return weights.cpu(), (reader(symbols).argmax(1).cpu() == torch.arange(8)).sum().item()

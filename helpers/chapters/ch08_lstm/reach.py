"""How the chapter follows the gradient through layers other than the LSTM, and writes down what it found."""

import torch
from torch import nn

from helpers.layers.recurrent import gru_cell, rnn_cell


def hidden_states(layer, xs):
    """Return h after every step of an nn.RNN or nn.GRU along xs (T, N, D), each in the graph, so that it can be asked."""
    h, states, cell = (
        xs.new_zeros(xs.shape[1], layer.hidden_size),
        [],
        gru_cell if isinstance(layer, nn.GRU) else rnn_cell,
    )
    for x in xs:
        h = cell(x, h, *layer.parameters())
        states.append(h)
    return states


def low_and_high(runs, step):
    """Write the lowest and the highest value of several runs at one step, small ones as powers of ten."""
    found = sorted(run[step] for run in runs)
    form = "{:.0e} to {:.0e}" if found[-1] < 0.01 else "{:.2f} to {:.2f}"
    return form.format(found[0], found[-1])


def memories_apart(walks, distances):
    """Return how far apart the memories of different sequences are after each of these distances, walk by walk.

    walks:   for each network all steps along its sequences, from lstm_steps, c and h (N, H) at each
    returns: {name: (walks, distances)}: the closest pair by c, by h, and by c for the pair whose h are closest in the end
    """
    apart = {"c, closest pair": [], "h, closest pair": [], "c of the pair that merges": []}
    for walk in walks:
        c, h = (torch.stack([torch.pdist(getattr(walk[each], part)) for each in distances]) for part in "ch")
        for name, values in zip(apart, (c.amin(1), h.amin(1), c[:, h[-1].argmin()]), strict=True):
            apart[name].append(values.tolist())
    return apart

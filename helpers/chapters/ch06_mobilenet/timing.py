"""How long a network takes on this machine, so that two of them can be compared."""

import time

import torch


def clock(models, inputs, turns=5):
    """Return the least seconds of each model on its input, in the processor's time; the models take turns.

    models: networks or functions, on one device; inputs: a tensor for each of them
    """
    times = [[] for _ in models]
    with torch.inference_mode():
        for _ in range(turns + 1):
            for model, x, spent in zip(models, inputs, times, strict=True):
                now = time.perf_counter if x.is_cuda else time.process_time
                began = now()
                model(x).sum().item()  # .item() waits for an accelerator
                spent.append(now() - began)
    return [min(spent[1:]) for spent in times]  # the first turn warms up

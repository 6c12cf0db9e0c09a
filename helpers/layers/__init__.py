"""The layers of the course, from scratch, one file per family, each equal to torch's in value and gradient.

conv        convolution and pooling: padding modes, the naive loops that define them, the fast forms, the modules
attention   attention by one head and by many, masks, and the three positional encodings
norm        batch and layer normalisation: the loop that defines the first, the functions, the modules
recurrent   RNN, LSTM and GRU: the cells, the loop along time that makes a layer of them, the modules
"""

from helpers.layers.attention import (
    MultiHeadAttention,
    attention,
    attention_naive,
    causal_mask,
    interpolate_positions,
    merge_heads,
    relative_position_bias,
    relative_position_index,
    sinusoidal_positions,
    sinusoidal_positions_2d,
    split_heads,
)
from helpers.layers.conv import (
    AvgPool2d,
    Conv2d,
    MaxPool2d,
    avg_pool2d,
    avg_pool2d_naive,
    conv2d,
    conv2d_naive,
    max_pool2d,
    max_pool2d_naive,
    pad,
)
from helpers.layers.norm import BatchNorm1d, BatchNorm2d, LayerNorm, batch_norm, batch_norm_naive, layer_norm
from helpers.layers.recurrent import (
    GRU,
    LSTM,
    RNN,
    gru_cell,
    lstm_cell,
    lstm_gates,
    lstm_steps,
    rnn_cell,
    unroll,
)

__all__ = [
    "AvgPool2d",
    "Conv2d",
    "MaxPool2d",
    "avg_pool2d",
    "avg_pool2d_naive",
    "conv2d",
    "conv2d_naive",
    "max_pool2d",
    "max_pool2d_naive",
    "pad",
    "BatchNorm1d",
    "BatchNorm2d",
    "LayerNorm",
    "batch_norm",
    "batch_norm_naive",
    "layer_norm",
    "GRU",
    "LSTM",
    "RNN",
    "gru_cell",
    "lstm_cell",
    "lstm_gates",
    "lstm_steps",
    "rnn_cell",
    "unroll",
    "MultiHeadAttention",
    "attention",
    "attention_naive",
    "causal_mask",
    "interpolate_positions",
    "merge_heads",
    "relative_position_bias",
    "relative_position_index",
    "sinusoidal_positions",
    "sinusoidal_positions_2d",
    "split_heads",
]

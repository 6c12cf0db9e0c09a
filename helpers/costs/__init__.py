"""What a network costs, layer by layer: parameters, memory for its outputs, multiply-adds (MACs).

The network runs once on torch's `meta` device, where tensors have a shape but no numbers, so nothing is computed and no
memory is taken. On the way every operator that torch is asked for is seen, counted, and put down to its layer.

rules       which operators are counted, and how
shortcuts   the shapes of answers that are plain to see
inputs      what a shape, a list, a dictionary stands for
kept        the model during the pass, and put back after it
heard       how the recorder hears of calls and of autocast
values      numbers that do not depend on the input
recorder    cost_table(): the pass itself
complaints  what is said where a network does not take an input
table       CostTable: the rows, as text, HTML, CSV
views       Markdown, folded blocks, two tables compared, pictures
training    the memory that training needs
"""

from helpers.costs.recorder import cost_table
from helpers.costs.rules import BYTES, conv_macs, linear_macs
from helpers.costs.table import CostTable, Row, Total
from helpers.costs.training import training_memory
from helpers.costs.views import diff, folded, show_accuracy, show_shares, to_markdown

# fmt: off
__all__ = ["BYTES", "CostTable", "Row", "Total", "conv_macs", "cost_table", "diff",
           "folded", "linear_macs", "show_accuracy", "show_shares", "to_markdown", "training_memory"]

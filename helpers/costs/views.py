"""A cost table as a picture, as Markdown, folded by blocks, beside another one; torchvision's networks by cost and accuracy."""

from html import escape

from helpers.costs.table import COLUMNS, UNITS, CostTable, Total, as_html, cells, total_cells


class Shown:
    """Something with a text and an HTML page."""

    def __init__(self, text, html):
        self.text, self.html = text, html

    def __repr__(self):
        return self.text

    def _repr_html_(self):
        return self.html


def markdown(lines, numbers=()):
    """Write lines of texts, of which the first is the head, as a Markdown table; numbers: columns set to the right."""
    rule = ["---:" if i in numbers else "---" for i in range(len(lines[0]))]
    texts = [[str(cell).replace("|", "\\|") for cell in line] for line in [lines[0], rule, *lines[1:]]]
    return "\n".join(f"| {' | '.join(line)} |" for line in texts)


def to_markdown(table):
    """Return a table as Markdown, its notes below."""
    head = [" ".join(filter(None, pair)) for pair in zip(COLUMNS, UNITS)]
    lines = [head, *(cells(row, table.total) for row in table.rows), total_cells(table.total)]
    return "\n\n".join([markdown(lines, range(5, len(head))), *table.notes()]) + "\n"


def folded(table, depth=1):
    """Return a table in which each block is one line, and opens to its layers."""
    parts = [as_html(CostTable([], *table._about())).partition("<div")[0]]
    for block in table.by_block(depth).rows:
        rows = [row for row in table.rows if ".".join(row.name.split(".")[:depth]) == block.name]
        share = 100 * block.macs / table.total.macs if table.total.macs else 0
        line = f"{block.name}: {block.params:,} parameters, {block.macs:,} MACs ({share:.1f} %)"
        inside = as_html(CostTable(rows)).partition('<p class="cost-notes">')[0].partition("</style>")[2]
        parts.append(f"<details><summary>{escape(line)}</summary>{inside}</details>")
    notes = "<br>".join(escape(note) for note in table.notes())
    return Shown(repr(table.by_block(depth)), "".join(parts) + f'<p class="cost-notes">{notes}</p>')


def diff(a, b):
    """Return what changes from one table to another: rows of the same name side by side, those that differ, and the totals."""
    for name, table in (("a", a), ("b", b)):
        if not isinstance(table, CostTable):
            raise ValueError(f"{name} (={table!r:.60}) must be a cost table: cost_table(model, shape)")
    sums = [{}, {}]
    for table, found in zip((a, b), sums):
        for row in table.rows:
            found[row.name] = [x + getattr(row, c) for x, c in zip(found.get(row.name, [0, 0, 0]), Total._fields)]
    none = [0, 0, 0]
    names = [name for name in {**sums[0], **sums[1]} if sums[0].get(name) != sums[1].get(name)]
    pairs = [(name, sums[0].get(name, none), sums[1].get(name, none)) for name in names] + [("total", a.total, b.total)]

    def change(old, new):
        return f"{new - old:+,}" + (f" ({100 * (new / old - 1):+.1f} %)" if old and new != old else "")

    head = ["name", "params", "change", "memory/B", "change", "MACs", "change"]
    lines = [[name, *(t for x, y in zip(old, new) for t in (f"{y:,}", change(x, y)))] for name, old, new in pairs]
    text = [head, *lines]
    width = [max(len(line[i]) for line in text) for i in range(len(head))]
    rows = [
        "  ".join(f"{cell:>{w}}" if i else f"{cell:<{w}}" for i, (cell, w) in enumerate(zip(line, width)))
        for line in text
    ]
    page = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in text)
    return Shown("\n".join(row.rstrip() for row in rows), f"<table>{page}</table>")


def show_shares(table, column="macs", most=12):
    """Show a bar for each row's share of a column, the largest first; the rest in one bar."""
    from helpers import plots

    shares = sorted(zip(table.share(column), (row.name for row in table.rows)), reverse=True)
    bars, rest = [pair for pair in shares[:most] if pair[0] > 0], sum(share for share, _ in shares[most:])
    bars += [(rest, f"{len(shares) - most} more")] if rest else []
    if not bars:
        raise ValueError(f"column (={column!r}) is 0 in every row: there are no shares to show")
    alt = f"Shares of {column}: " + ", ".join(f"{name} {100 * share:.0f} %" for share, name in bars) + "."
    plots.show_bars([n for _, n in bars], [100 * s for s, _ in bars], alt, fmt="{:.1f}", xlabel=f"% of all {column}")


def show_accuracy(size=224):
    """Show the accuracy that torchvision publishes for its classification models against their MACs, both for images of this
    size; the names of those that no other beats at fewer MACs. Returns {name: (MACs, %)}."""
    import torch
    import torchvision

    from helpers import plots
    from helpers.costs.recorder import cost_table

    found = {}
    for name in torchvision.models.list_models(module=torchvision.models):
        for weights in torchvision.models.get_model_weights(name):
            if weights.transforms.keywords.get("crop_size") == size:
                more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
                with torch.device("cpu" if name.startswith("regnet") else "meta"):
                    model = torchvision.models.get_model(name, weights=None, **more)
                accuracy = weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
                macs = found[name][0] if name in found else cost_table(model, (1, 3, size, size)).total.macs
                found[name] = macs, max(accuracy, found.get(name, (0, 0))[1])
    fig, ax = plots.figure(width=12, height=6)
    ax.scatter([macs for macs, _ in found.values()], [accuracy for _, accuracy in found.values()], color=plots.BLUE)
    ax.set(xscale="log", xlabel="MACs for one image", ylabel="accuracy in % (published)")
    ax.margins(x=0.2, y=0.1)
    leaders = []
    for name, (_, accuracy) in sorted(found.items(), key=lambda item: item[1]):
        if all(accuracy > found[other][1] for other in leaders):
            leaders.append(name)
    label_points(ax, {name: found[name] for name in [*KNOWN, *leaders] if name in found})
    said = f"Accuracy against MACs of {len(found)} networks of torchvision; no other beats these at fewer MACs: "
    plots.show(fig, f"{said}{', '.join(leaders)}.")
    return found


KNOWN = "alexnet vgg16 resnet18 resnet50 mobilenet_v3_small efficientnet_b0 convnext_tiny swin_t vit_b_16".split()


def label_points(ax, places):
    """Write each name beside its point where there is room, else not at all. places: {name: (x, y)}, the first go first."""
    taken, canvas = [], ax.figure.canvas
    for name, place in places.items():
        for dx, dy, ha in ((8, -4, "left"), (-8, -4, "right"), (0, 9, "center"), (0, -18, "center")):
            text = ax.annotate(name, place, xytext=(dx, dy), textcoords="offset points", ha=ha, fontsize=11)
            box = text.get_window_extent(canvas.get_renderer()).padded(2)
            dots = [ax.transData.transform(point) for point in ax.collections[0].get_offsets()]
            if not any(box.overlaps(other) for other in taken) and not any(box.contains(*dot) for dot in dots):
                taken.append(box)
                break
            text.remove()

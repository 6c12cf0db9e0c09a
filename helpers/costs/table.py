"""The table: a row for each layer, and how it is shown."""

import csv
import io
import textwrap
from html import escape
from typing import NamedTuple

from helpers.checks import check_choice, whole
from helpers.costs.rules import BYTES, MACS, OURS
from helpers.files import write_whole

NO_WINDOW = (None,) * 5


class Row(NamedTuple):
    """One layer in one call, or a stretch of work of a module between the layers inside it."""

    name: str  # dotted, as in model.named_modules()
    kind: str  # its class
    in_shape: tuple | None  # the first tensor it takes; None where the layer was never called
    out_shape: tuple | None  # the first tensor it gives
    kernel_size: tuple | None
    stride: tuple | None
    padding: tuple | str | None
    dilation: tuple | None
    groups: int | None
    params: int  # of its own, counted where they are first used: shared ones once
    memory: int  # bytes: the values it gives × 4, also where it writes over its input
    macs: int
    operators: tuple  # where it is a stretch of a module's own work: the operators; empty for a whole layer
    steps: int | None = None  # time steps in one call of a recurrent layer; its macs and memory are those of all steps

    @property
    def macs_per_step(self):
        """MACs of one time step of a recurrent layer, all its layers and directions; None where there are no steps."""
        return self.macs // self.steps if self.steps else None


class Total(NamedTuple):
    params: int
    memory: int  # bytes
    macs: int


CONVENTION = (
    "MACs are multiply-adds of convolutions, linear layers and matrix products; FLOPs = 2 × MACs.",
    "Not counted: bias, activation, normalisation, pooling, softmax, addition.",
    "Memory: output values × 4 bytes",
)


class CostTable:
    """A row for each layer, and their totals.

    rows:      list of Row, in the order of execution
    total:     params, memory (bytes), macs: the sums over the rows
    uncounted: names of operators that may do multiply-adds and could not be counted; empty when the table is complete
    by_rule: {operator: MACs} of those that are counted by rules of ours, which torch's own counter leaves out
    unregistered: {module: values} of weights that were used and are not in the model's parameters, so not in the total
    """

    def __init__(self, rows, uncounted=(), unregistered=(), by_rule=(), said=()):
        self.rows, self._said = list(rows), tuple(said)
        self._where, self.unregistered, self.by_rule = dict(uncounted), dict(unregistered), dict(by_rule)
        self.total = Total(*(sum(getattr(row, column) for row in self.rows) for column in Total._fields))

    def _about(self):
        return self._where, self.unregistered, self.by_rule, self._said

    @property
    def uncounted(self):
        return sorted(self._where)

    def only(self, *kinds):
        """Return the table of the rows of these kinds, such as only("Conv2d", "Linear").

        raises: ValueError where the table has no row of a kind
        """
        present = {row.kind: None for row in self.rows}
        for kind in kinds:
            check_choice("kind", kind, present)
        return CostTable([row for row in self.rows if row.kind in kinds], *self._about())

    def by_block(self, depth=1):
        """Return a table with one row for all layers whose names begin with the same `depth` parts."""
        whole("depth", depth, 1)
        blocks = {}
        for row in self.rows:
            blocks.setdefault(".".join(row.name.split(".")[:depth]), []).append(row)
        rows = []
        for name, block in blocks.items():
            ran = [row for row in block if row.out_shape is not None] or block
            kind = block[0].kind if len(block) == 1 else f"{len(block)} rows"
            steps = block[0].steps if len(block) == 1 else None
            rows.append(
                Row(name, kind, ran[0].in_shape, ran[-1].out_shape, *NO_WINDOW, *CostTable(block).total, (), steps)
            )
        return CostTable(rows, *self._about())

    def sorted_by(self, column, descending=True):
        """Return the table with its rows in the order of a column: "params", "memory", "macs", "name" or "kind"."""
        check_choice("column", column, (*Total._fields, "name", "kind"))
        return CostTable(sorted(self.rows, key=lambda r: getattr(r, column), reverse=descending), *self._about())

    @property
    def weights(self):
        """Bytes of the parameters, 4 each, as total.memory is of the outputs."""
        return BYTES * self.total.params

    def share(self, column):
        """Return each row's part of the total, from 0 to 1.

        column: "params", "memory" or "macs"
        """
        check_choice("column", column, Total._fields)
        total = getattr(self.total, column)
        return [getattr(row, column) / total if total else 0.0 for row in self.rows]

    def records(self):
        """Return a list with a dict for each row, keys as in Row; memory in bytes."""
        return [row._asdict() for row in self.rows]

    def csv(self, path=None):
        """Return the table as comma-separated text, memory in bytes; with a path, write it there too."""
        text = io.StringIO()
        out = csv.writer(text, lineterminator="\n")
        out.writerow(Row._fields)
        for row in self.rows:
            out.writerow(
                [
                    " ".join(map(str, row.operators)) if field == "operators" else format_shape(value)
                    for field, value in zip(Row._fields, row)
                ]
            )
        if path is not None:
            write_whole(path, text.getvalue().encode("utf-8"))
        return text.getvalue()

    def __repr__(self):
        return as_text(self)

    def _repr_html_(self):
        return as_html(self)

    def notes(self):
        """Return what must be said under the table."""
        missing = [f"{name} (in {where})" for name, where in sorted(self._where.items())]
        size = self.total.memory / 1024
        memory = f"{CONVENTION[-1]}, {f'{size:,.1f} KiB' if size < 1024 else f'{size / 1024:,.2f} MiB'} in all."
        if any(row.kernel_size is not None for row in self.rows):
            memory += " Window: kernel, s stride, p padding, d dilation, g groups."
        one_step = {f"{row.macs_per_step:,} in {row.name}": None for row in self.rows if row.steps}
        steps = (
            [f"MACs of a recurrent layer: of all its steps. Of one step: {', '.join(one_step)}."] if one_step else []
        )
        warning = [f"NOT COUNTED, so the MACs are too few: {', '.join(missing)}."] if missing else []
        ruled = ", ".join(f"{macs:,} of {name} ({OURS[name][1]})" for name, macs in self.by_rule.items())
        ruled = [f"Among the MACs, by rules of ours: {ruled}."] if ruled else []
        strays = ", ".join(f"{count:,} (in {where})" for where, count in self.unregistered.items())
        if strays:
            warning.append(
                f"NOT REGISTERED, so neither in the total nor seen by an optimizer: {strays} values of weights that were "
                "used. Keep layers in an nn.ModuleList, weights in an nn.Parameter."
            )
        return [*CONVENTION[:-1], memory, *steps, *ruled, *self._said, *warning]


COLUMNS = ("name", "kind", "input", "output", "window", "params", "memory", "MACs", "MACs")
UNITS = ("", "", "", "", "", "", "KiB", "", "%")
NUMBERS = COLUMNS[5:]


def format_shape(value):
    """Write a shape as 1x3x224x224."""
    return "" if value is None else "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def window_text(row):
    """Write kernel, stride, padding, dilation and groups as 3x3 s2 p1 d2 g4; what is usual is left out."""
    if row.kernel_size is None:
        return ""
    text = format_shape(row.kernel_size)
    for field, usual in (("stride", None), ("padding", 0), ("dilation", 1), ("groups", 1)):
        value = getattr(row, field)
        if isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        if value is not None and value != usual:
            text += f" {field[0]}{format_shape(value)}"
    return text


def kind_text(row):
    """Write a row's class and how many time steps it took; for a stretch of a module's own work, what it did there."""
    if row.steps:
        return f"{row.kind}: {row.steps} step{'s' if row.steps > 1 else ''}"
    counted = [name for name in row.operators if name in MACS]
    return f"{row.kind}: {', '.join(counted or row.operators)}" if row.operators else row.kind


def cells(row, total):
    """Write one row of the table, a string for each of COLUMNS."""
    share = f"{100 * row.macs / total.macs if total.macs else 0:.1f}"
    output = "not run" if row.in_shape is row.out_shape is None else format_shape(row.out_shape)
    return [
        row.name,
        kind_text(row),
        format_shape(row.in_shape),
        output,
        window_text(row),
        f"{row.params:,}",
        f"{row.memory / 1024:,.1f}",
        f"{row.macs:,}",
        share,
    ]


def total_cells(total):
    return [
        "total",
        "",
        "",
        "",
        "",
        f"{total.params:,}",
        f"{total.memory / 1024:,.1f}",
        f"{total.macs:,}",
        "100.0" if total.macs else "0.0",
    ]


TEXT_WIDTH = 112  # the 21 rows of AlexNet with their input shapes


def shortened(name, width):
    """Write encoder.layers.encoder_layer_0.ln_1 as e.l.e0.ln_1, from the left and only as far as the width asks for."""
    parts = name.split(".")
    for i, part in enumerate(parts[:-1]):
        if len(".".join(parts)) <= width:
            break
        stem = part.rstrip("0123456789")
        parts[i] = stem[:1] + part[len(stem) :]
    return ".".join(parts)


def as_text(table):
    """Write the table in columns, at most TEXT_WIDTH wide: long names and kinds are shortened; where that is not
    enough, the input shape goes, which mostly is the output shape of the row above."""
    lines = [COLUMNS, UNITS, *(cells(row, table.total) for row in table.rows), total_cells(table.total)]
    width = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    used = [i for i in range(len(COLUMNS)) if any(line[i] for line in lines[2:])]
    for column, least in (("name", 24), ("kind", 18), ("input", 0), ("name", 14), ("kind", 12)):
        i = COLUMNS.index(column)
        excess = sum(width[j] for j in used) + 2 * (len(used) - 1) - TEXT_WIDTH
        if excess > 0 and least == 0 and i in used:
            used.remove(i)
        elif excess > 0:
            width[i] = min(width[i], max(least, width[i] - excess))

    def cut(text, i):
        text = shortened(text, width[i]) if COLUMNS[i] == "name" else text
        kind, colon, work = text.partition(":")
        room = width[i] - 2 - len(colon + work)
        if len(text) <= width[i] or room < 4:
            return text if len(text) <= width[i] else text[: width[i] - 2] + ".."
        return kind[:room] + ".." + colon + work

    def line_of(line):
        aligned = (f"{cut(line[i], i):{'>' if COLUMNS[i] in NUMBERS else '<'}{width[i]}}" for i in used)
        return "  ".join(aligned).rstrip()

    rule = "-" * (sum(width[i] for i in used) + 2 * (len(used) - 1))
    body = [line_of(line) for line in lines]
    notes = [part for note in table.notes() for part in textwrap.wrap(note, TEXT_WIDTH)]
    return "\n".join([*body[:2], rule, *body[2:-1], rule, body[-1], *notes])


# Colours come from JupyterLab's theme where there is one; the bars are transparent, so they suit light and dark.
STYLE = """
.cost-table { overflow: auto; max-height: 36em; color: var(--jp-ui-font-color1, inherit); }
.cost-table table { border-collapse: separate; border-spacing: 0; font-size: 0.9em; margin: 0; }
.cost-table th, .cost-table td { padding: 0.2em 0.7em; text-align: left; white-space: nowrap; }
.cost-table .n { text-align: right; font-variant-numeric: tabular-nums; }
.cost-table thead th, .cost-table tfoot td { position: sticky; z-index: 1;
  background: var(--jp-layout-color2, var(--vscode-editor-background, Canvas)); }
.cost-table thead th { top: 0; border-bottom: 1px solid var(--jp-border-color1, gray); }
.cost-table tfoot td { bottom: 0; border-top: 1px solid var(--jp-border-color1, gray); font-weight: bold; }
.cost-table tbody .n {
  background: linear-gradient(to right, rgba(86, 156, 214, 0.45) var(--s, 0%), transparent var(--s, 0%)); }
.cost-notes { font-size: 0.85em; margin: 0.4em 0; color: var(--jp-ui-font-color2, inherit); }
"""


def as_html(table):
    """Write the table as HTML: a bar behind each number is its share of the total."""

    def row_of(values, shares=None):
        tds = []
        for i, (column, value) in enumerate(zip(COLUMNS, values)):
            bar = ""
            if shares is not None and 5 <= i <= 7 and shares[i - 5] >= 0.001:
                bar = f' style="--s:{100 * shares[i - 5]:.1f}%"'
            text = escape(value) if i < 2 else escape(value).replace("x", "\N{MULTIPLICATION SIGN}")
            tds.append(f'<td class="n"{bar}>{text}</td>' if column in NUMBERS else f"<td>{text}</td>")
        return f"<tr>{''.join(tds)}</tr>"

    head = "".join(
        f'<th scope="col"{" class=n" if column in NUMBERS else ""}>{" ".join(filter(None, (column, unit)))}</th>'
        for column, unit in zip(COLUMNS, UNITS)
    )
    shares = zip(*(table.share(column) for column in Total._fields))
    body = "\n".join(row_of(cells(row, table.total), parts) for row, parts in zip(table.rows, shares))
    said = [*table.notes(), "A bar is the row's share of its column's total."]
    notes = "<br>".join(f"<b>{escape(note)}</b>" if note.startswith("NOT") else escape(note) for note in said)
    return (
        f"<style>{STYLE}</style>\n"
        f'<div class="cost-table" tabindex="0" role="region" aria-label="Cost of each layer"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n<tfoot>{row_of(total_cells(table.total))}</tfoot>\n"
        f'</table></div>\n<p class="cost-notes">{notes}</p>'
    )

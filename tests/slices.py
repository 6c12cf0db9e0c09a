"""Pieces of a chapter that run alone: a cell and the earlier cells that it needs, found by the names they bind and use."""

import ast
import symtable
from dataclasses import dataclass
from pathlib import Path

import nbformat

FOLDER = Path(__file__).parent.parent / "notebooks"


@dataclass(frozen=True)
class Cell:
    """A code cell: its id and source, the names that it binds for later cells, and those that it takes from anywhere."""

    id: str
    source: str
    binds: frozenset
    uses: frozenset

    @property
    def tree(self):
        return ast.parse(self.source)


def code(chapter):
    """Return the code cells of a chapter such as "07_rnn", in order."""
    cells = nbformat.read(FOLDER / f"{chapter}.ipynb", 4).cells
    return [
        Cell(cell.id, cell.source, *names(cell.source))
        for cell in cells
        if cell.cell_type == "code" and cell.source.strip()
    ]


def names(source):
    """Return (binds, uses) of a piece of code: the global names that it assigns, imports or changes, and those that it needs."""
    tree = ast.parse(source)
    table = symtable.symtable(source, "cell", "exec")
    bound = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    # x[0] = 1 and x.y = 1 change what x is
    changed = {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, (ast.Subscript, ast.Attribute))
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
    }
    return frozenset(bound | changed), frozenset(needs(tree.body, set(), bound))


def needs(statements, sofar, bound):
    """Return the global names that the statements read before they bind them; `bound` is all that the cell binds."""
    found = set()
    for node in statements:
        if isinstance(node, ast.For):
            found |= reads(node.iter, sofar, bound)
            sofar |= reads(node.target, set(), set(), assigned=True)
            found |= needs(node.body, sofar, bound) | needs(node.orelse, sofar, bound)
        else:
            found |= reads(node, sofar, bound)
            sofar |= reads(node, set(), set(), assigned=True)
    return found


def reads(node, sofar, bound, assigned=False):
    """Return the global names that one statement or expression reads (or binds), but for those that the cell has bound by then.

    What a function reads, it reads when it is called, so all that the cell binds is there by then.
    """
    if assigned and isinstance(node, (ast.Name, ast.Tuple)):
        return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    table = symtable.symtable(ast.unparse(node), "statement", "exec")
    if assigned:
        return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}

    def inner(scope):
        return {
            symbol.get_name() for child in scope.get_children() for symbol in child.get_symbols() if symbol.is_global()
        }.union(*map(inner, scope.get_children()))

    called = isinstance(node, (ast.FunctionDef, ast.ClassDef))
    return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()} - sofar | inner(table) - (
        bound if called else sofar
    )


def needed(cells, i):
    """Return the places of the earlier cells without which cell i cannot run, in order."""
    missing, chosen = set(cells[i].uses), []
    for k in reversed(range(i)):
        if cells[k].binds & missing:
            chosen.append(k)
            missing = missing - cells[k].binds | cells[k].uses
    return chosen[::-1]


def calls(tree):
    return {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def backward(tree):
    """Return whether the code follows a gradient with an optimizer: a training loop of the chapter's own."""
    called = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    return {"backward", "step"} <= called


def training_functions(cells):
    """Return the names of all functions that train: the course's, and the chapter's own."""
    known = {"train"}
    for cell in cells:
        known |= {
            node.name
            for node in cell.tree.body
            if isinstance(node, ast.FunctionDef) and (backward(node) or calls(node) & known)
        }
    return known


def training_cells(cells):
    """Return the places of the cells that train when they are run."""
    known = training_functions(cells)
    found = []
    for i, cell in enumerate(cells):
        runs = [node for node in cell.tree.body if not isinstance(node, (ast.FunctionDef, ast.ClassDef))]
        if any(calls(node) & known or backward(node) for node in runs):
            found.append(i)
    return found


def half_trained(cell, functions):
    """Return the names that a training which is stopped may leave half made.

    They are what the cell's training statements bind, and the networks that they hand by name to one of these functions.
    """
    runs = [node for node in cell.tree.body if not isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    runs = [node for node in runs if calls(node) & functions or backward(node)]
    found = {name for node in runs for name in names(ast.unparse(node))[0]}
    for call in (part for node in runs for part in ast.walk(node) if isinstance(part, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id in functions and call.args:
            found |= {call.args[0].id} if isinstance(call.args[0], ast.Name) else set()
    return frozenset(found)


def own_loops(cell):
    """Return the functions of a cell that are themselves training loops: a dict from name to whether they return the network."""
    loops = [node for node in cell.tree.body if isinstance(node, ast.FunctionDef) and backward(node)]
    return {
        loop.name: any(
            isinstance(part, ast.Return)
            and part.value
            and ast.unparse(part.value).split(".")[0] == loop.args.args[0].arg
            for part in loop.body
        )
        for loop in loops
    }

"""Find an answer by its exercise's name in whatever cells it stands, and what it needs from the others.

An answer is where its name gets its value: deleted checks, copied cells, merged and split ones, lost metadata do not matter.
Each cell is read, none is run.
"""

import ast
import builtins
import functools
import symtable
import textwrap
from dataclasses import dataclass, field

from helpers.course.exercises import solutions
from helpers.course.exercises.engine import EXERCISES
from helpers.course.marking.submission import Cell, of_text
from helpers.course.rooms import rooms

QUIET = {"check", "hint", "solution"}  # calls that are not part of an answer
CHANGES = {"append", "extend", "insert", "update", "add", "setdefault", "pop", "clear", "sort", "reverse", "remove"}
KNOWN = set(dir(builtins)) | {"__name__", "__file__", "__doc__", "get_ipython", "display"}


@dataclass
class Answer:
    """What a student wrote for one exercise."""

    name: str
    source: str
    before: list = field(default_factory=list)  # what it needs, as texts of Python, in order
    notes: list = field(default_factory=list)  # what was healed


@dataclass(frozen=True, eq=False)
class Part:
    """A statement at the outermost level of a cell."""

    cell: int
    source: str
    binds: frozenset
    uses: frozenset
    tree: ast.stmt


def joined(cells):
    """Return cells of which those that were split apart are whole again, and a set of the places where that was done."""
    found, healed, i = [], set(), 0
    while i < len(cells):
        cell = cells[i]
        for more in range(1, 4):
            following = [each for each in cells[i + 1 : i + 1 + more] if each.source.strip()]
            if not following or not _continues(cell.source, following[0].source):
                break
            text = "\n".join([cell.source, *(each.source for each in cells[i + 1 : i + 1 + more])])
            if parsed(text) is not None:
                cell, i = Cell(cell.place, text), i + more
                healed.add(cell.place)
                break
        found.append(cell)
        i += 1
    return found, healed


def _continues(first, second):
    """Return whether a cell may be the second half of the one before: it begins further to the right, or the first has no end."""
    if not first.strip():
        return False
    line = next(line for line in second.splitlines() if line.strip())
    return line[:1] in " \t" and parsed(second) is None or parsed(first) is None


@functools.lru_cache(20_000)
def parsed(source):
    """Return a text's tree, which is not to be changed, or None where it is no Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def parts(cell):
    """Return a cell's outermost statements as Parts, or [] where it is no Python."""
    return [Part(cell.place, *each) for each in _statements(cell.source)]


@functools.lru_cache(20_000)  # most cells of most students are the course's own
def _statements(source):
    tree = parsed(source)
    if tree is None:
        return ()
    lines, found = source.splitlines(), []
    for node in tree.body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        text = "\n".join(lines[first - 1 : node.end_lineno])
        if ";" in text:  # others may stand in the same line
            text = ast.unparse(node)
        found.append((text, *names(node), node))
    return tuple(found)


def names(node):
    """Return (the names that a statement gives or changes, the names of the notebook that it reads), both as frozensets."""
    binds, uses = set(), set()
    try:
        table = symtable.symtable(ast.unparse(node), "cell", "exec")
    except (SyntaxError, ValueError, RecursionError):
        return frozenset(), frozenset()
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            binds.add(symbol.get_name())
        if symbol.is_referenced():
            uses.add(symbol.get_name())
    inside = list(table.get_children())
    for scope in inside:  # grows by the functions within functions
        inside += scope.get_children()
        uses |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        binds |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_declared_global()}
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        for each in ast.walk(node):
            if isinstance(each, (ast.Subscript, ast.Attribute)) and isinstance(each.ctx, ast.Store):
                binds |= _root(each)
            elif isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in CHANGES:
                binds |= _root(each.func)
    return frozenset(binds), frozenset(uses)


def _root(node):
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def gives(part, name):
    """Return whether a statement is one by which an exercise's name gets its value."""
    node = part.tree
    if isinstance(node, (ast.Import, ast.ImportFrom)) or name not in part.binds:
        return False
    return not isinstance(node, ast.Expr)


def is_stub(source, name):
    """Return whether a cell leaves the exercise open: a function that does nothing, or a value that is `...`."""
    tree = parsed(source)
    if tree is None:
        return False
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            if all(
                isinstance(each, ast.Pass) or isinstance(each, ast.Expr) and _constant(each.value) for each in node.body
            ):
                continue
            return False
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and _constant(node.value, Ellipsis):
            continue
        if not (_quiet(node) or isinstance(node, (ast.Pass, ast.Import, ast.ImportFrom))):
            return False
    return True


def _constant(node, value=None):
    """Return whether a node is a constant: that value, or, where it is None, one that a body may hold without doing anything."""
    return isinstance(node, ast.Constant) and (node.value is value or value is None)


def _quiet(node):
    """Return whether a statement is a call such as check(...), which a merged cell may hold."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id in QUIET
    )


def find(cells, chapter=None):
    """Return ({name of an exercise: Answer}, a list of sentences on cells that could not be read).

    cells:   Cells of a notebook
    chapter: the stem of a chapter, such as "01_convolution", to look for its exercises only; all where it is None
    """
    cells, healed = joined(cells)
    names_wanted = [name for name, path in solutions.files().items() if chapter in (None, path.parent.name[2:])]
    by_cell = {cell.place: parts(cell) for cell in cells}
    everything = [part for cell in cells for part in by_cell[cell.place]]
    texts = {cell.place: cell.source for cell in cells}
    found, problems = {}, []
    broken = {cell.place: cell.source for cell in cells if cell.source.strip() and parsed(cell.source) is None}
    for name in names_wanted:
        places = [cell.place for cell in cells if any(gives(part, name) for part in by_cell[cell.place])]
        places += [place for place, source in broken.items() if _heads(source, name)]
        if not places:
            continue
        filled = [place for place in sorted(places) if not is_stub(_only(by_cell[place], texts[place]), name)]
        place = (filled or sorted(places))[-1]
        notes = []
        if len({_shape(texts[each]) for each in filled}) > 1:
            notes.append(f"answered in {len(filled)} cells: the last one counts")
        if place in healed:
            notes.append("its cell was split, and was joined again")
        source = texts[place]
        if place not in broken:
            source = _without_checks(source, by_cell[place])
            before = needed(names(ast.parse(source))[1], [part for part in everything if part.cell != place], place)
        else:
            before = []
        found[name] = Answer(name, source, before, notes)
    for place, source in broken.items():
        if not any(_heads(source, name) for name in names_wanted):
            problems.append(f"cell {place} is no Python, and was left out")
    return found, problems


def _only(parts_of_cell, source):
    return "\n".join(part.source for part in parts_of_cell) or source


def _shape(source):
    tree = parsed(source)
    return ast.dump(tree) if tree is not None else source


def _heads(source, name):
    """Return whether a text that is no Python begins to define an exercise's name."""
    return any(line.replace(" ", "").startswith((f"def{name}(", f"{name}=")) for line in source.splitlines())


def _without_checks(source, parts_of_cell):
    """Return a cell's text, its calls of check() emptied; the lines keep their numbers."""
    lines = source.splitlines()
    for part in parts_of_cell:
        if _quiet(part.tree):
            for i in range(part.tree.lineno - 1, part.tree.end_lineno):
                lines[i] = ""
    return textwrap.dedent("\n".join(lines))


def needed(uses, parts_of_others, place):
    """Return the texts of the statements that give these names their values, and of those that these need, in order.

    uses:            names
    parts_of_others: the Parts of the other cells
    place:           of the cell that needs them: what stands before it is taken first, else what stands after it

    Where the student's notebook does not have one (a deleted cell of imports), the chapters' own cells and the solutions' imports
    are asked.
    """
    here = sum(part.cell < place for part in parts_of_others)
    chosen, missing, seen = set(), set(), set()
    queue = [(name, here) for name in sorted(uses - KNOWN)]
    for name, limit in queue:  # grows by what the chosen statements need
        if (name, limit) in seen:
            continue
        seen.add((name, limit))
        giving = [i for i, part in enumerate(parts_of_others) if name in part.binds and not _quiet(part.tree)]
        if not giving:
            missing.add(name)
        for i in _last_value(name, parts_of_others, [i for i in giving if i < limit] or giving[:1]):
            if i not in chosen:
                chosen.add(i)
                part = parts_of_others[i]
                later = here if isinstance(part.tree, (ast.FunctionDef, ast.ClassDef)) else i
                queue += [(each, later) for each in sorted(part.uses - KNOWN)]
    own = [text for name, text in course_imports().items() if name in missing]
    return [*own, *(parts_of_others[i].source for i in sorted(chosen))]


def _last_value(name, parts_of_others, giving):
    """Return those of the statements that give a name its value which come since it was last given anew."""
    for start in reversed(range(len(giving))):
        part = parts_of_others[giving[start]]
        whole = isinstance(
            part.tree, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
        )
        if whole and name in _plainly(part.tree) and (name not in part.uses or isinstance(part.tree, ast.FunctionDef)):
            return giving[start:]
    return giving


def _plainly(node):
    """Return the names that a statement binds as a whole, and not a part of what they name."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    flat = [
        each for target in targets for each in (target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target])
    ]
    return {each.id for each in flat if isinstance(each, ast.Name)}


@functools.cache
def course_imports():
    """Return {name: the import by which the chapters get it}."""
    found = {}
    for room in rooms():
        texts = []
        if room.notebook.exists():
            texts += [cell.source for cell in of_text(room.notebook.read_text(encoding="utf-8"))]
        if (room.folder / "solutions.py").exists():
            texts.append((room.folder / "solutions.py").read_text(encoding="utf-8").partition("# %%")[0])
        for text in texts:
            for node in getattr(parsed(text), "body", []):
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    for alias in node.names:
                        single = type(node)(**{**{f: getattr(node, f) for f in node._fields}, "names": [alias]})
                        found.setdefault((alias.asname or alias.name).partition(".")[0], ast.unparse(single))
    return found


def points():
    """Return {name of an exercise: its points}, as the chapters' notebooks say; 1 where they say nothing."""
    found = dict.fromkeys(EXERCISES, 1.0)
    for room in rooms():
        for cell in room.cells if room.notebook.exists() else []:
            graded = cell["metadata"].get("nbgrader", {})
            name = str(graded.get("grade_id", "")).removeprefix("test_")
            if graded.get("grade") and name in found:
                found[name] = float(graded.get("points", 1))
    return found

"""Which answers are alike: a list to look at, without a verdict. Names, comments, prints and layout do not count."""

import ast
import io
import keyword
import tokenize

from helpers.course.exercises import solutions

SHORTEST = 60  # tokens of a text worth comparing: shorter answers are alike by themselves
SHINGLE = 6  # tokens in a row that are compared as one


def shape(source, given=""):
    """Return the set of an answer's runs of tokens, its own names replaced by their order; None where it is too short.

    given: the stub, whose tokens say nothing
    """
    tokens = _tokens(source)
    if tokens is None or len(tokens) - len(_tokens(given) or []) < SHORTEST:
        return None
    return frozenset(tuple(tokens[i : i + SHINGLE]) for i in range(len(tokens) - SHINGLE + 1))


def _tokens(source):
    try:
        tree = ast.parse(source)
        for node in ast.walk(tree):  # a docstring is not the student's
            body = getattr(node, "body", None)
            if (
                isinstance(body, list)
                and body
                and isinstance(body[0], ast.Expr)
                and isinstance(body[0].value, ast.Constant)
            ):
                node.body = body[1:] or [ast.Pass()]
        text = ast.unparse(ast.fix_missing_locations(tree))
        found = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (SyntaxError, ValueError, RecursionError, tokenize.TokenError):
        return None
    words, numbers, last = [], {}, ""
    for token in found:
        if token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING):
            word = token.string
            if token.type == tokenize.NAME and not keyword.iskeyword(word) and last != ".":
                word = f"name{numbers.setdefault(word, len(numbers))}"
            words.append(word)
            last = token.string
    return words


def alike(answers, at_least=0.9):
    """Return [(exercise, students, how alike)] of answers that share most of their runs of tokens, in groups.

    answers:  {exercise: {student: source}}
    at_least: of all runs that either has, the share that both have

    An answer that is nearly the course's own solution is alike by itself, and is left out.
    """
    found = []
    for name, sources in answers.items():
        own = shape(solutions.source(name), solutions.stub(name))
        shapes = {student: shape(source, solutions.stub(name)) for student, source in sources.items()}
        shapes = {s: each for s, each in shapes.items() if each and not (own and _shared(each, own) >= at_least)}
        group = {student: {student} for student in shapes}
        least = {}
        students = sorted(shapes)
        for i, one in enumerate(students):
            for other in students[i + 1 :]:
                share = _shared(shapes[one], shapes[other])
                if share >= at_least:
                    together = group[one] | group[other]
                    for each in together:
                        group[each] = together
                    least[frozenset((one, other))] = share
        for together in {frozenset(each) for each in group.values() if len(each) > 1}:
            shares = [share for pair, share in least.items() if pair <= together]
            found.append((name, sorted(together), min(shares)))
    return sorted(found)


def _shared(one, other):
    return len(one & other) / len(one | other)

"""Texts with blanks, as an admin writes them: filled in quickly, reaching nothing.

Jinja's sandbox alone would still loop and multiply. So only what is named here is
let through: values of a plain dict, `if`, comparisons and four filters.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from hub.sdk.errors import InvalidError

_FILTERS: Final = ("default", "lower", "title", "upper")
_DEEPEST, _MOST_NODES = 20, 600
_ONLY: Final = (
    'Only {{ variables }}, {% if %} with "and", "or", "not" and comparisons, and the'
    f" filters {', '.join(_FILTERS)} can be used here."
)
_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If),
    *(nodes.Name, nodes.Getattr, nodes.Const, nodes.Filter),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
)
_EQUAL: Final = frozenset({"eq", "ne"})


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        optimized=False,
        cache_size=0,
    )
    made.filters = {name: made.filters[name] for name in _FILTERS}
    made.globals, made.tests = {}, {}
    return made


_ENVIRONMENT: Final = _environment()


def fill(source: str, values: Mapping[str, Any]) -> str:
    """Fill a source in that `problems` finds nothing wrong with; InvalidError if it
    can't be, whoever wrote it."""
    found = problems(source, known(values), numbers(values))
    if found:
        raise InvalidError(" ".join(found))
    try:
        return str(_compiled(source).render(values))
    except (TemplateError, TypeError, ValueError, RecursionError) as error:
        raise InvalidError(f"The text can't be filled in: {error}") from error


def problems(
    source: str, variables: Collection[str], counts: Collection[str] = ()
) -> list[str]:
    """Say what is wrong with a source, in plain words; `counts` are those of the
    variables that are numbers."""
    try:
        tree = _ENVIRONMENT.parse(source)
    except TemplateSyntaxError as error:
        return [f"Line {error.lineno}: {_sentence(error.message or 'not readable')}"]
    except (RecursionError, ValueError, OverflowError):
        return ["This is nested too deeply, or a number in it is too long."]
    found = list(_wrong(tree, frozenset(variables), frozenset(counts)))
    return list(dict.fromkeys(found))[:5]


def most(source: str, values: Mapping[str, Any]) -> int:
    """How many characters a source without problems can come to at the most, whatever
    holds at the time, with values that are no longer than these."""
    sizes = {name: len(str(value)) for name, value in _flat(values)}
    return _most(_ENVIRONMENT.parse(source), sizes)


def known(values: Mapping[str, Any]) -> list[str]:
    """The variables of a dict as they are written: `company.name`."""
    return [name for name, _ in _flat(values)]


def numbers(values: Mapping[str, Any]) -> list[str]:
    """Those of them that are numbers."""
    return [name for name, value in _flat(values) if isinstance(value, int)]


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            yield name, value


@lru_cache(maxsize=64)
def _compiled(source: str) -> Any:
    return _ENVIRONMENT.from_string(source)


def _most(node: nodes.Node, sizes: Mapping[str, int]) -> int:
    """The longest branch of each condition, and all that stands beside it."""
    name = path(node)
    if name is not None:
        return sizes.get(name, 0)
    if isinstance(node, nodes.TemplateData):
        return len(node.data)
    if isinstance(node, nodes.Const):
        return len(str(node.value))
    if isinstance(node, nodes.If):
        elifs: list[list[nodes.Node]] = [[each] for each in node.elif_]
        branches = [node.body, *elifs, node.else_]
        return max(sum(_most(each, sizes) for each in some) for some in branches)
    inner = [_most(each, sizes) for each in node.iter_child_nodes()]
    if isinstance(node, nodes.Filter | nodes.And | nodes.Or):
        return max(inner)
    return sum(inner)


def _wrong(
    tree: nodes.Node, variables: frozenset[str], counts: frozenset[str]
) -> Iterator[str]:
    todo: list[tuple[nodes.Node, int]] = [(tree, 0)]
    seen = 0
    while todo:
        node, depth = todo.pop()
        seen += 1
        if depth > _DEEPEST or seen > _MOST_NODES:
            yield "This is too long or nested too deeply: make it simpler."
            return
        name = path(node)
        problem = _of_node(node, variables, counts)
        if problem:
            yield f"Line {node.lineno}: {problem}"
        if name is None and not problem:
            inner = list(node.iter_child_nodes())
            todo += [(each, depth + 1) for each in reversed(inner)]


def _of_node(
    node: nodes.Node, variables: frozenset[str], counts: frozenset[str]
) -> str:
    if not isinstance(node, _ALLOWED):
        return f"{_called(node)} can't be used. {_ONLY}"
    if isinstance(node, nodes.Name | nodes.Getattr):
        name = path(node)
        if name is None:
            return f"Only {{{{ variables }}}} have parts with a dot. {_ONLY}"
        return "" if name in variables else _unknown(name, variables)
    if isinstance(node, nodes.Filter):
        return _of_filter(node)
    if isinstance(node, nodes.Compare):
        return _of_comparison(node, counts)
    return ""


def _of_filter(node: nodes.Filter) -> str:
    plain = all(isinstance(each, nodes.Const) for each in node.args)
    if node.name not in _FILTERS or node.node is None:
        return f"There is no filter {node.name[:40]!r} here. {_ONLY}"
    most = 2 if node.name == "default" else 0
    if not plain or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return f"The filter {node.name} takes plain texts only."
    return "" if len(node.args) <= most else f"The filter {node.name} takes less."


def _of_comparison(node: nodes.Compare, counts: frozenset[str]) -> str:
    """More and less only of numbers: anything else could fail while it is sent."""
    if all(each.op in _EQUAL for each in node.ops):
        return ""
    right = node.ops[0].expr
    number = isinstance(right, nodes.Const) and isinstance(right.value, int)
    ordered = node.ops[0].op in {"gt", "gteq", "lt", "lteq"}
    if len(node.ops) == 1 and ordered and number and path(node.expr) in counts:
        return ""
    return (
        "More (>) and less (<) compare a number with a number that is written out:"
        f" {' or '.join(sorted(counts)) or 'there are none here'}."
    )


def path(node: nodes.Node) -> str | None:
    """`company.name` as it is written; None if it isn't a name with parts."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return None


def _unknown(name: str, variables: frozenset[str]) -> str:
    return (
        f"There is no variable {name[:60]!r} here. There are:"
        f" {', '.join(sorted(variables))}."
    )


_TAGS: Final = ("for", "macro", "import", "include", "extends", "block", "with", "set")


def _called(node: nodes.Node) -> str:
    word = type(node).__name__
    tag = next((tag for tag in _TAGS if word.lower().startswith(tag)), None)
    if word in ("FromImport", "Assign", "AssignBlock"):
        tag = "import" if word == "FromImport" else "set"
    if tag:
        return f"{{% {tag} %}}"
    if isinstance(node, nodes.BinExpr | nodes.UnaryExpr):
        return "Arithmetic"
    plain = {"Call": "A call with ( )", "Getitem": "[ ]", "List": "[ ]", "Test": '"is"'}
    return plain.get(word, f"{word} is something that")


def _sentence(text: str) -> str:
    said = text[:1].upper() + text[1:200]
    return said if said.endswith(".") else said + "."

"""What is changed in a syntax node: each operator yields what is to stand in its place, and how a person would call the change.

Chosen for this product: where a condition of a query is a keyword argument, leaving one out is the mistake to look for.
"""

import ast
from collections.abc import Callable, Iterator

Change = tuple[ast.AST | None, str]  # None: the node is left out
Operator = Callable[[ast.AST], Iterator[Change]]

OPPOSITE: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
# A link of a chain that can go without the rest falling apart.
LINKS = {
    "filter",
    "exclude",
    "live",
    "order_by",
    "select_for_update",
    "select_related",
    "lower",
    "strip",
    "removeprefix",
}
# Arguments by position that can go one by one.
GATHERS = {"filter", "exclude", "order_by", "select_related", "Q", "union", "min", "max"}

# What a dataclass refuses and how it is printed: no working program notices.
OPTIONS = {"frozen", "slots", "kw_only", "repr"}


def _words(node: ast.AST) -> str:
    return ast.unparse(node)


def comparisons(node: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.Compare):
        return
    for place, op in enumerate(node.ops):
        for other in OPPOSITE[type(op)]:
            new = ast.Compare(node.left, [*node.ops[:place], other(), *node.ops[place + 1 :]], node.comparators)
            yield new, f"{_words(node)} -> {_words(new)}"


def conditions(node: ast.AST) -> Iterator[Change]:
    """and/or swapped, one operand left out, "not" left out."""
    if isinstance(node, ast.BoolOp):
        new: ast.AST = ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        yield new, f"{_words(node)} -> {_words(new)}"
        for value in node.values:
            rest = [v for v in node.values if v is not value]
            new = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
            yield new, f"{_words(node)} without {_words(value)}"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand, f"{_words(node)} without not"
    elif isinstance(node, ast.If | ast.IfExp | ast.While) and isinstance(
        node.test, ast.Name | ast.Attribute | ast.Call
    ):
        new = changed(node, test=ast.UnaryOp(ast.Not(), node.test))
        yield new, f"if not {_words(node.test)}"
    elif isinstance(node, ast.comprehension):
        for test in node.ifs:
            rest = [t for t in node.ifs if t is not test]
            yield changed(node, ifs=rest), f"comprehension without if {_words(test)}"


def constants(node: ast.AST) -> Iterator[Change]:
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    others: list[str | bytes | float] = []
    if isinstance(value, bool):
        others = [not value]
    elif isinstance(value, int | float):
        others = [value + 1]
    elif isinstance(value, str):
        others = [f"XX{value}XX"]
    elif isinstance(value, bytes):
        others = [b"XX" + value + b"XX"]
    for other in others:
        yield ast.Constant(other), f"{value!r} -> {other!r}"


def arithmetic(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in ARITHMETIC and not _formats(node):
        new = changed(node, op=ARITHMETIC[type(node.op)]())
        yield new, f"{_words(node)} -> {_words(new)}"


def _formats(node: ast.AST) -> bool:
    """'%(n)d days' % …: any other operator fails at once."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and not isinstance(node.left, ast.Name)


def arguments(node: ast.AST) -> Iterator[Change]:
    """An argument left out, a link of a chain left out."""
    if not isinstance(node, ast.Call):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    for keyword in node.keywords:
        if keyword.arg in OPTIONS:
            continue
        yield (
            changed(node, keywords=[k for k in node.keywords if k is not keyword]),
            f"{name}(...) without {_words(keyword)}",
        )
    if name in GATHERS:
        for argument in node.args:
            yield (
                changed(node, args=[a for a in node.args if a is not argument]),
                f"{name}(...) without {_words(argument)}",
            )
    if name in LINKS and isinstance(node.func, ast.Attribute):
        yield node.func.value, f"without .{name}({', '.join(map(_words, [*node.args, *node.keywords]))})"


def members(node: ast.AST) -> Iterator[Change]:
    """One element of a list, a set, a tuple or a dict left out."""
    if isinstance(node, ast.List | ast.Set | ast.Tuple) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        for element in node.elts:
            rest = [e for e in node.elts if e is not element]
            if rest or isinstance(node, ast.List):
                yield changed(node, elts=rest), f"{_short(node)} without {_words(element)}"
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            kept = [(k, v) for k, v in zip(node.keys, node.values, strict=True) if v is not value]
            new = ast.Dict([k for k, _ in kept], [v for _, v in kept])
            yield new, f"dict without {_words(key) if key else '**'}: {_words(value)}"


def _short(node: ast.AST) -> str:
    text = _words(node)
    return text if len(text) < 60 else f"{text[:57]}..."


def statements(node: ast.AST) -> Iterator[Change]:
    """A call, a change of somebody's attribute, a raise, a return value, a "with" left out; an exception not caught."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Yield):
        if isinstance(node.value, ast.Call):
            yield ast.Pass(), f"without {_words(node)}"
    elif isinstance(node, ast.AugAssign | ast.Raise | ast.Continue | ast.Break | ast.Delete) or _sets_a_part(node):
        yield ast.Pass(), f"without {_words(node)}"
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield ast.Return(ast.Constant(None)), f"return None instead of {_words(node.value)}"
    elif isinstance(node, ast.With):
        for item in node.items:
            rest = [i for i in node.items if i is not item]
            new = changed(node, items=rest) if rest else ast.If(ast.Constant(True), node.body, [])
            yield new, f"without with {_words(item)}"
    elif isinstance(node, ast.ExceptHandler):
        yield changed(node, body=[ast.Raise()]), f"{_words(node.type) if node.type else 'exception'} is not caught"


def _sets_a_part(node: ast.AST) -> bool:
    """`grant.purpose = …`; without a plain `name = …` everything after it fails at once."""
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute | ast.Subscript)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def decorators(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        for decorator in node.decorator_list:
            rest = [d for d in node.decorator_list if d is not decorator]
            yield changed(node, decorator_list=rest), f"{node.name} without @{_words(decorator)}"


def changed[N: ast.AST](node: N, **new: object) -> N:
    """A copy of the node, its children shared, with some fields changed."""
    fields = {name: getattr(node, name) for name in node._fields if hasattr(node, name)} | new
    return ast.copy_location(type(node)(**fields), node)


OPERATORS: tuple[Operator, ...] = (
    comparisons,
    conditions,
    constants,
    arithmetic,
    arguments,
    members,
    statements,
    decorators,
)

"""What hangs on what: a tree from the internet down, leaves in two columns along their trunk."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

from smartcare.charts import svg
from smartcare.charts.states import SHAPES, known, worst
from smartcare.charts.words import ENGLISH, Words

PILL, ROW = 30, 56  # height of a node; distance of two levels
LEAF_ROW = 42
GAP, MARGIN = 18, 12
ARM = 32  # from the trunk to a leaf
NARROWEST = 344
FOLDS_OVER = 50  # nodes
SHOWN_LEAVES = 3  # of a node whose leaves are folded
LONGEST_LABEL = 22


class Node(TypedDict):
    """One piece of equipment. parent: id of what it hangs on, None at the top."""

    id: str
    label: str
    state: str
    parent: NotRequired[str | None]


@dataclass(slots=True)
class _Tree:
    """A node with what hangs on it. width, height: of the whole drawing below and including it; axis: its middle."""

    label: str
    state: str
    children: list["_Tree"] = field(default_factory=list)
    width: float = 0
    height: float = 0
    axis: float = 0

    @property
    def pill(self) -> float:
        """Width of the node's own pill."""
        return len(svg.clipped(self.label, LONGEST_LABEL)) * 7 + 40

    @property
    def leaves(self) -> list["_Tree"]:
        """Children without children."""
        return [child for child in self.children if not child.children]

    @property
    def branches(self) -> list["_Tree"]:
        """Children with children."""
        return [child for child in self.children if child.children]


def topology(nodes: Sequence[Node], *, label: str = "", words: Words = ENGLISH) -> svg.Chart:
    """The tree. Unknown parents and circles do no harm: such nodes stand at the top."""
    if not nodes:
        text = svg.axis_text(NARROWEST / 2, 30, words.topology_empty, anchor="middle")
        return svg.Chart(svg.picture((NARROWEST, 56), words.topology_empty, text), words.topology_empty)
    parents = _parents(nodes)
    roots = _trees(nodes, parents)
    if len(nodes) > FOLDS_OVER:
        for root in roots:
            _fold(root, words)
    for root in roots:
        _measure(root)
    width = max(NARROWEST, sum(root.width for root in roots) + GAP * (len(roots) - 1) + 2 * MARGIN)
    left = (width - sum(root.width for root in roots) - GAP * (len(roots) - 1)) / 2
    body = ""
    for root in roots:
        body += _draw(root, left, MARGIN + PILL / 2)
        left += root.width + GAP
    height = max(root.height for root in roots) + 2 * MARGIN
    told = ", ".join(f"{node['label']} ({words.state[known(node['state'])].lower()})" for node in nodes[:FOLDS_OVER])
    name = f"{label}. " * bool(label) + words.topology.format(nodes=told)
    rows = _table(nodes, parents, words)
    return svg.Chart(svg.picture((width, height), name, body), name, (words.name, words.status, words.below), rows)


def _parents(nodes: Sequence[Node]) -> dict[str, str]:
    """Child id -> parent id, without unknown parents and without circles."""
    ids = {node["id"] for node in nodes}
    parents: dict[str, str] = {}
    for node in nodes:
        wanted = node.get("parent")
        above = wanted
        while above is not None and above != node["id"]:
            above = parents.get(above)
        if wanted in ids and above is None:
            parents[node["id"]] = str(wanted)
    return parents


def _trees(nodes: Sequence[Node], parents: dict[str, str]) -> list[_Tree]:
    trees = {node["id"]: _Tree(node["label"], known(node["state"])) for node in nodes}
    for child, parent in parents.items():
        trees[parent].children.append(trees[child])
    return [tree for key, tree in trees.items() if key not in parents]


def _fold(tree: _Tree, words: Words) -> None:
    """Keep the leaves that need somebody first; the rest become one node that shows their worst state."""
    for branch in tree.branches:
        _fold(branch, words)
    leaves = sorted(tree.leaves, key=lambda leaf: ("down", "risk", "watch", "mute", "ok").index(leaf.state))
    hidden = leaves[SHOWN_LEAVES:]
    if len(hidden) > 1:
        rest = _Tree(words.more_nodes.format(count=len(hidden)), worst([leaf.state for leaf in hidden]))
        tree.children = tree.branches + leaves[:SHOWN_LEAVES] + [rest]


def _measure(tree: _Tree) -> None:
    """Sizes from the bottom up: leaves in pairs at the trunk, then the branches side by side."""
    for child in tree.children:
        _measure(child)
    leaves, branches = tree.leaves, tree.branches
    if not tree.children:
        tree.width, tree.height, tree.axis = tree.pill, PILL, tree.pill / 2
        return
    pairs = (len(leaves) + 1) // 2 if len(leaves) > 1 or branches else 0
    side = max((leaf.pill for leaf in leaves), default=0) + ARM if pairs else 0
    below = sum(branch.width for branch in branches) + GAP * max(len(branches) - 1, 0)
    alone = leaves[0].pill if leaves and not pairs else 0
    tree.width = max(tree.pill, 2 * side, below, alone)
    tree.axis = tree.width / 2
    deepest = max((branch.height for branch in branches), default=PILL if alone else 0)
    tree.height = PILL + pairs * LEAF_ROW + (ROW - PILL + deepest if branches or alone else 0)
    if pairs:
        tree.height += ROW - LEAF_ROW


def _draw(tree: _Tree, left: float, y: float) -> str:
    x = left + tree.axis
    leaves, branches = tree.leaves, tree.branches
    paired = len(leaves) > 1 or bool(leaves and branches)
    lines = pills = ""
    level = y
    if paired:
        for index, leaf in enumerate(leaves):
            sign = -1 if index % 2 == 0 else 1
            level = y + ROW + index // 2 * LEAF_ROW
            end = x + sign * ARM
            lines += _elbow(x, y + PILL / 2, end, level)
            pills += _pill(leaf, end + sign * leaf.pill / 2, level)
    row = [*branches] if paired else tree.children
    if row:
        top = level + ROW
        start = x - (sum(child.width for child in row) + GAP * (len(row) - 1)) / 2
        for child in row:
            lines += _drop(x, y + PILL / 2, start + child.axis, top - PILL / 2)
            pills += _draw(child, start, top)
            start += child.width + GAP
    return lines + _pill(tree, x, y) + pills


def _wire(data: str) -> str:
    return svg.element("path", **svg.paint("", "line2"), stroke_width=1.75, d=data)


def _elbow(x: float, top: float, end: float, y: float) -> str:
    """From a trunk sideways to a leaf, with a rounded corner."""
    turn = 10 if end > x else -10
    xs, ends, ys = svg.number(x), svg.number(end), svg.number(y)
    return _wire(f"M{xs} {svg.number(top)}V{svg.number(y - 10)}Q{xs} {ys} {svg.number(x + turn)} {ys}H{ends}")


def _drop(x: float, top: float, end: float, y: float) -> str:
    """From a node down to the head of a branch."""
    half = svg.number(y - 13)
    return _wire(f"M{svg.number(x)} {svg.number(top)}V{half}H{svg.number(end)}V{svg.number(y)}")


def _pill(tree: _Tree, x: float, y: float) -> str:
    loud = tree.state in ("risk", "watch", "down")
    left = x - tree.pill / 2
    box = svg.element(
        "rect",
        **svg.paint("surf", "line2" if tree.state == "mute" else tree.state),
        stroke_width=2.5 if loud else 1.5,
        x=left,
        y=y - PILL / 2,
        width=tree.pill,
        height=PILL,
        rx=PILL / 2,
    )
    place = f"translate({svg.number(left + 12)} {svg.number(y - 5)})"
    mark = svg.element("g", SHAPES[tree.state], **svg.paint(tree.state), transform=place)
    return box + mark + svg.label_text(left + 28, y + 4.4, svg.clipped(tree.label, LONGEST_LABEL))


def _table(nodes: Sequence[Node], parents: dict[str, str], words: Words) -> tuple[tuple[str, ...], ...]:
    labels = {node["id"]: node["label"] for node in nodes}
    counted = Counter(parents.values())
    order = sorted(nodes, key=lambda node: -counted[node["id"]])
    return tuple(
        (node["label"], words.state[known(node["state"])], labels.get(parents.get(node["id"], ""), "–"))
        for node in order
    )

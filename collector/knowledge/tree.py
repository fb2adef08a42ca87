"""A decision tree: questions with answers, and leaves that say what to do. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from protocols.errors import PlombaError

START = "start"
MOST_NODES = 200
Words = Mapping[str, str]
"""Language -> what is said."""


class BadTree(PlombaError):
    """It has a dead end, a circle or a node that cannot be reached; `problems` says all."""

    code = "knowledge.tree"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(_Frozen):
    say: Words
    to: str


class Node(_Frozen):
    """Either a question (`ask` and `answers`) or a leaf (`do`). A leaf may name an article that says more, and the
    fault code to open an incident with."""

    ask: Words | None = None
    help: Words | None = None
    answers: tuple[Answer, ...] = ()
    do: Words | None = None
    article: str = ""
    incident: str = ""

    @property
    def is_leaf(self) -> bool:
        return self.do is not None


class Tree(_Frozen):
    nodes: Annotated[Mapping[str, Node], Field(max_length=MOST_NODES)]

    @property
    def languages(self) -> frozenset[str]:
        start = self.nodes.get(START)
        return frozenset((start.ask or start.do or {}) if start else ())


@dataclass(frozen=True, slots=True)
class Step:
    """One question that was answered: the node, and which of its answers."""

    name: str
    node: Node
    answer: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path of answers leads."""

    name: str
    node: Node
    steps: tuple[Step, ...]


def problems(tree: Tree) -> list[str]:
    """Why the tree must not be played; empty for a good one."""
    if START not in tree.nodes:
        return [f"there is no node {START!r}"]
    found = [problem for name, node in tree.nodes.items() for problem in _of_node(tree, name, node)]
    if found:
        return found
    circle = _circle(tree, START, ())
    if circle:
        return [f"a circle: {' > '.join(circle)}"]
    unreached = [name for name in tree.nodes if name not in _reached(tree)]
    return [f"{name}: no answer leads here" for name in unreached]


def check(tree: Tree) -> Tree:
    """The same tree. BadTree where it must not be played."""
    found = problems(tree)
    if found:
        raise BadTree(found)
    return tree


def walk(tree: Tree, path: Sequence[int]) -> Place:
    """Follows the answers by their numbers, as far as they are answers: a wrong number ends the way there."""
    name, steps = START, []
    for answer in path:
        node = tree.nodes[name]
        if not 0 <= answer < len(node.answers):
            break
        steps.append(Step(name, node, answer))
        name = node.answers[answer].to
    return Place(name, tree.nodes[name], tuple(steps))


def as_data(tree: Tree | None) -> dict[str, object]:
    """As a version keeps it; empty for an article without a tree."""
    return {} if tree is None else tree.model_dump(mode="json", exclude_defaults=True)


def _of_node(tree: Tree, name: str, node: Node) -> Iterator[str]:
    if node.is_leaf == bool(node.ask):
        yield f"{name}: either asks (ask, answers) or says what to do (do)"
    if node.is_leaf and node.answers:
        yield f"{name}: says what to do and cannot have answers"
    if node.ask and len(node.answers) < 2:
        yield f"{name}: a dead end; a question needs two answers or more"
    if not node.ask and (node.article or node.incident) and not node.is_leaf:
        yield f"{name}: only what says what to do may name an article or an incident"
    for answer in node.answers:
        if answer.to not in tree.nodes:
            yield f"{name}: an answer leads to {answer.to!r}, which is not there"
    said = [words for words in (node.ask, node.help, node.do) if words is not None]
    for words in (*said, *(answer.say for answer in node.answers)):
        silent = [language for language in tree.languages if not words.get(language, "").strip()]
        if silent or not words:
            yield f"{name}: says nothing in {', '.join(sorted(silent))}"


def _circle(tree: Tree, name: str, above: tuple[str, ...]) -> tuple[str, ...]:
    """Nodes of a circle that is reached from here; answers that lead to one node twice are no circle."""
    if name in above:
        return (*above[above.index(name) :], name)
    for target in dict.fromkeys(answer.to for answer in tree.nodes[name].answers):
        if found := _circle(tree, target, (*above, name)):
            return found
    return ()


def _reached(tree: Tree) -> set[str]:
    reached, waiting = set(), [START]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [answer.to for answer in tree.nodes[name].answers]
    return reached

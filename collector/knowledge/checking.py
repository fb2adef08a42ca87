"""What is wrong with an article that somebody is about to save."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from collector.knowledge.markdown import ARTICLE, PAGE, links
from collector.knowledge.texts import Text
from collector.knowledge.tree import Tree, problems
from protocols.status.faults import FAULTS

PAGES = (
    "now", "incidents", "devices", "backups", "enrol", "people", "knowledge", "requests", "visits", "notices"
)  # fmt: skip
"""What `page:` may name. The portal knows those that a customer has, too."""
_OUTSIDE = ("https://", "http://", "mailto:", "tel:")


class Wrong(StrEnum):
    NO_TITLE = "no_title"
    NOTHING_TO_READ = "nothing_to_read"
    UNKNOWN_CODE = "unknown_code"
    DEAD_LINK = "dead_link"
    TREE = "tree"


@dataclass(frozen=True, slots=True)
class Problem:
    """`what`: the code, the link, what the tree lacks, or the language without a title."""

    wrong: Wrong
    what: str = ""


def check(
    texts: Mapping[str, Text], codes: Sequence[str], slugs: Collection[str], tree: Tree | None = None
) -> list[Problem]:
    """Empty for an article that may be saved. `slugs`: of the articles that are there."""
    return [*_texts(texts, tree), *_codes(codes), *_links(texts, slugs), *_tree(tree, slugs)]


def tree_of(data: object) -> tuple[Tree | None, list[Problem]]:
    """A tree that somebody wrote by hand."""
    try:
        return Tree.model_validate({"nodes": data}), []
    except ValidationError as e:
        places = [
            f"{'.'.join(str(part) for part in error['loc'][1:])}: {error['msg']}" for error in e.errors()
        ]
        return None, [Problem(Wrong.TREE, place) for place in places]


def dead(target: str, slugs: Collection[str]) -> bool:
    if target.startswith(ARTICLE):
        return target.removeprefix(ARTICLE) not in slugs
    if target.startswith(PAGE):
        return target.removeprefix(PAGE) not in PAGES
    return not target.startswith(_OUTSIDE)


def _texts(texts: Mapping[str, Text], tree: Tree | None) -> Iterator[Problem]:
    spoken = {language: text for language, text in texts.items() if not text.empty}
    if not spoken:
        yield Problem(Wrong.NOTHING_TO_READ)
    for language, text in spoken.items():
        if not text.title:
            yield Problem(Wrong.NO_TITLE, language)
        if not text.parts and tree is None:
            yield Problem(Wrong.NOTHING_TO_READ, language)


def _codes(codes: Sequence[str]) -> Iterator[Problem]:
    return (Problem(Wrong.UNKNOWN_CODE, code) for code in codes if code not in FAULTS)


def _links(texts: Mapping[str, Text], slugs: Collection[str]) -> Iterator[Problem]:
    targets = (link for text in texts.values() for part in text.parts.values() for link in links(part))
    return (Problem(Wrong.DEAD_LINK, target) for target in dict.fromkeys(targets) if dead(target, slugs))


def _tree(tree: Tree | None, slugs: Collection[str]) -> Iterator[Problem]:
    if tree is None:
        return
    for problem in problems(tree):
        yield Problem(Wrong.TREE, problem)
    for name, node in tree.nodes.items():
        if node.article and node.article not in slugs:
            yield Problem(Wrong.DEAD_LINK, f"{name}: {ARTICLE}{node.article}")
        if node.incident and node.incident not in FAULTS:
            yield Problem(Wrong.UNKNOWN_CODE, f"{name}: {node.incident}")

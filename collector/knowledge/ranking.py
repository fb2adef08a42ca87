"""Which article comes first. Pure, so that both databases give the same order: they only find what may be meant."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log

FIELDS: Mapping[str, float] = {"title": 6.0, "keywords": 5.0, "summary": 3.0, "body": 1.5, "staff": 1.2}
OTHER_LANGUAGE = 0.85
ABOUT_THE_CODE = 100.0
ITS_OWN = 30.0
ABOUT_THE_MODEL = 60.0


@dataclass(frozen=True, slots=True)
class Term:
    """A word that was asked for. `stems`: what it may stand for in the index and how surely (0 to 1)."""

    word: str
    stems: Mapping[str, float]
    found_in: int
    """In how many entries one of its stems stands."""


@dataclass(frozen=True, slots=True)
class Page:
    """An entry as the index holds it: field -> its stems."""

    language: str
    fields: Mapping[str, Collection[str]]


def rarity(found_in: int, entries: int) -> float:
    """A word that stands nearly everywhere says little."""
    return log(1 + (entries - found_in + 0.5) / (found_in + 0.5))


def hit(term: Term, page: Page) -> float:
    """How well the page answers one word: the best field counts, others add a little."""
    values = sorted(
        (
            FIELDS[name] * max((sure for stem, sure in term.stems.items() if stem in held), default=0.0)
            for name, held in page.fields.items()
        ),
        reverse=True,
    )
    return values[0] + 0.15 * sum(values[1:]) if values else 0.0


def score(terms: Sequence[Term], page: Page, entries: int, language: str) -> tuple[float, tuple[str, ...]]:
    """And the words that were found. A page that has every word beats one that has a single rare one."""
    hits = {term.word: hit(term, page) for term in terms}
    total = sum(hits[term.word] * rarity(term.found_in, entries) for term in terms)
    matched = tuple(word for word, value in hits.items() if value)
    covered = len(matched) / len(terms) if terms else 0.0
    exact = _share_of_title(terms, page)
    factor = 1.0 if page.language == language else OTHER_LANGUAGE
    return total * (0.4 + 0.6 * covered) * (1 + 0.3 * exact) * factor, matched


def _share_of_title(terms: Sequence[Term], page: Page) -> float:
    title = page.fields.get("title", ())
    if not title:
        return 0.0
    asked = {stem for term in terms for stem in term.stems}
    return sum(stem in asked for stem in title) / len(title)


def about(asked: int, known: int, own: bool) -> float:
    """The lift of an article that is about `known` codes, `asked` of which are asked for."""
    return ABOUT_THE_CODE * (asked / known) ** 0.5 + (ITS_OWN if own else 0.0) if asked else 0.0


def usefulness(useful: int, votes: int) -> float:
    """A factor around 1: a few votes move it little, many by a quarter at most."""
    return 1 + 0.5 * ((useful + 2) / (votes + 4) - 0.5)

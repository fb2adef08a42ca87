"""What technicians type, and the article that must come first, over all that is shipped. The same in both databases."""

import json
from pathlib import Path

import pytest

from collector.knowledge.folding import fold
from collector.knowledge.ranking import Page, Term, rarity, score, usefulness
from collector.knowledge.search import find
from collector.knowledge.sync import sync
from tests.collector.still import START

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/knowledge/queries.json").read_text("utf-8"))


def misses(queries: list[list[str]]) -> list[str]:
    found = {
        (language, typed): [f.slug for f in find(typed, language, staff=True)]
        for language, typed, _ in queries
    }
    return [
        f"{typed!r}: {found[language, typed][:3]} instead of {wanted}"
        for language, typed, wanted in queries
        if found[language, typed][:1] != [wanted]
    ]


@pytest.mark.django_db
@pytest.mark.postgresql
def test_the_right_article_comes_first() -> None:
    sync(START)
    queries: list[list[str]] = VECTORS["queries"]
    plain = [[language, fold(typed).upper(), wanted] for language, typed, wanted in queries]
    assert "\n".join([*misses(queries), *misses(plain), *misses(VECTORS["errors"])]) == ""


def page(language: str = "lv", **fields: str) -> Page:
    return Page(language, {name: frozenset(text.split()) for name, text in fields.items()})


def term(word: str, found_in: int = 5) -> Term:
    return Term(word, {word: 1.0}, found_in)


def test_a_title_weighs_more_than_a_keyword_and_that_more_than_the_body() -> None:
    values = [
        score([term("a")], page(**{name: "a b"}), 100, "lv")[0]
        for name in ("title", "keywords", "summary", "body")
    ]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4


def test_a_rare_word_weighs_more() -> None:
    assert rarity(1, 100) > rarity(50, 100) > 0


def test_a_page_that_has_every_word_beats_one_with_the_rarest() -> None:
    words = [term("a", 20), term("b", 20), term("c", 10)]
    every, rarest = page(keywords="a b c"), page(keywords="c")
    assert score(words, every, 100, "lv")[0] > score(words, rarest, 100, "lv")[0]


def test_the_readers_language_goes_before_others() -> None:
    assert (
        score([term("a")], page(title="a"), 9, "lv")[0]
        > score([term("a")], page("en", title="a"), 9, "lv")[0]
    )


def test_few_votes_move_little_and_many_by_a_quarter_at_most() -> None:
    assert 1 < usefulness(1, 1) < 1.06
    assert usefulness(1000, 1000) <= 1.25
    assert 0.75 <= usefulness(0, 1000) < usefulness(0, 1) < 1
    assert usefulness(0, 0) == 1

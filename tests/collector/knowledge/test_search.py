"""Both databases find the same."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.knowledge.models import Article, Audience
from collector.knowledge.search import find
from collector.knowledge.texts import Part, Text
from collector.knowledge.writing import Links, add_version, publish, retire, vote
from tests.collector.still import START

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]


def article(
    slug: str,
    lv: str,
    en: str = "",
    ru: str = "",
    *,
    audience: Audience = Audience.CUSTOMERS,
    technician: str = "",
    codes: tuple[str, ...] = (),
    models: tuple[str, ...] = (),
) -> Article:
    made = Article.objects.create(slug=slug, audience=audience)
    Links(codes, models).keep(made)
    parts = {Part.MEANING: "..."} | ({Part.TECHNICIAN: technician} if technician else {})
    texts = {"lv": Text(lv, parts=parts), "en": Text(en, parts=parts) if en else Text()}
    texts["ru"] = Text(ru, parts=parts) if ru else Text()
    version = add_version(made, None, START, texts)
    publish(made.pk, version.number)
    return made


def slugs(text: str, language: str = "lv", **asked: object) -> list[str]:
    return [found.slug for found in find(text, language, **asked)]  # type: ignore[arg-type]


@pytest.fixture
def two() -> None:
    article(
        "paper",
        "Printerim beidzies papīrs",
        "Printer is out of paper",
        "В принтере закончилась бумага",
        codes=("printer.paper_end",),
    )
    article(
        "drawer", "Naudas atvilktne neatveras", "Cash drawer does not open", "Денежный ящик не открывается"
    )


@pytest.mark.parametrize(
    "typed",
    [
        "atvilktne neatveras",
        "neatveras naudas atvilktnīte",
        "atvilktni",
        "ATVILKTNE",
        "drawer",
        "ящика",
        "atvliktne",
    ],
)
@pytest.mark.usefixtures("two")
def test_it_is_found_as_people_type_it(typed: str) -> None:
    assert slugs(typed)[0] == "drawer"


@pytest.mark.usefixtures("two")
def test_a_word_that_is_still_being_typed_finds() -> None:
    assert slugs("papī") == ["paper"]
    assert slugs("бума", "ru") == ["paper"]


@pytest.mark.usefixtures("two")
def test_the_title_comes_in_the_readers_language() -> None:
    assert find("papīrs", "ru")[0].title == "В принтере закончилась бумага"


@pytest.mark.parametrize(
    "typed", ["", "  ", "?", "qqqqqqqq", "'; DROP TABLE", '" OR *', "NEAR(a b)", "a:b & c | !d", "\\"]
)
@pytest.mark.usefixtures("two")
def test_nonsense_finds_nothing_and_breaks_nothing(typed: str) -> None:
    assert slugs(typed) == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60), language=st.sampled_from(["lv", "en", "ru", "xx"]), staff=st.booleans())
@pytest.mark.usefixtures("two")
def test_whatever_is_typed_breaks_nothing(text: str, language: str, staff: bool) -> None:
    assert len(find(text, language, staff=staff)) <= 2


@pytest.mark.usefixtures("two")
def test_a_code_finds_without_words_and_lifts_above_them() -> None:
    assert slugs("", codes=("printer.paper_end",)) == ["paper"]
    assert slugs("atvilktne", codes=("printer.paper_end",)) == ["paper", "drawer"]
    assert slugs("printer.paper_end") == ["paper"]


def test_an_article_about_the_model_comes_before_the_one_about_the_code() -> None:
    article("any", "Printeris neatbild", codes=("device.no_reply",))
    article("mine", "Printeris neatbild", codes=("device.no_reply",), models=("TM-T20",))
    article("other", "Printeris neatbild", codes=("device.no_reply",), models=("FP-700",))
    asked = {"codes": ("device.no_reply",), "model": "TM-T20III"}
    assert slugs("", **asked) == ["mine", "any"]
    assert slugs("neatbild", **asked)[:2] == ["mine", "any"]


def test_customers_find_neither_staff_articles_nor_parts_for_technicians() -> None:
    article("inner", "Iekšējā kārtība", audience=Audience.STAFF, codes=("agent.clone",))
    article("open", "Vāks atvērts", technician="osciloskops")
    assert slugs("kārtība") == []
    assert slugs("", codes=("agent.clone",)) == []
    assert slugs("osciloskops") == []
    assert slugs("kārtība", staff=True) == ["inner"]
    assert slugs("osciloskops", staff=True) == ["open"]


def test_a_retired_article_is_not_found() -> None:
    made = article("gone", "Vecais raksts", codes=("printer.offline",))
    assert slugs("vecais") == ["gone"]
    retire(made.pk)
    assert slugs("vecais", codes=("printer.offline",)) == []


def test_only_the_published_version_is_found() -> None:
    made = article("two-versions", "Pirmais")
    add_version(made, None, START, {"lv": Text("Otrais", parts={Part.MEANING: "..."})})
    assert slugs("pirmais") == ["two-versions"]
    assert slugs("otrais") == []
    publish(made.pk, 2)
    assert slugs("pirmais") == []
    assert slugs("otrais") == ["two-versions"]


def test_the_more_useful_one_of_equals_comes_first(django_user_model: type) -> None:
    article("a", "Vāks")
    better = article("b", "Vāks")
    article("c", "Vāks")
    for name in ("anna", "juris"):
        vote(better, django_user_model.objects.create(username=name), True, START)  # type: ignore[attr-defined]
    assert slugs("vāks")[0] == "b"


def test_a_person_counts_once(django_user_model: type) -> None:
    made = article("a", "Vāks")
    user = django_user_model.objects.create(username="anna")  # type: ignore[attr-defined]
    for useful in (True, True, False):
        vote(made, user, useful, START)
    assert [v.useful for v in made.votes.all()] == [False]

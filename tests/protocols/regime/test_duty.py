"""What is owed when, as a table; the Latvian regime as it is shipped, and another one that proves it is data."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ConfigError, RepositoryRefused
from protocols.regime.duty import Happened, Kept, Owed, judge, keep_until, wanted
from protocols.regime.period import Period, parse
from protocols.regime.sets import LANGUAGES, Regime, check_place, read

FILE = Path(__file__).parents[3] / "protocols" / "regime" / "regimes" / "lv.toml"
LV = read(FILE.read_text(encoding="utf-8"), str(FILE))
NOW = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)
NOTHING, A_SET, OVERDUE, UNKNOWN = Owed


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def kept(taken_at: datetime) -> Kept:
    return Kept(taken_at, taken_at + timedelta(minutes=10))


LONG = ago(days=400)
Case = tuple[str, str, Happened, list[datetime], Owed, datetime | None]
CASES: list[Case] = [
    ("the till does not tell of Z reports", "daily", Happened(LONG), [], UNKNOWN, None),
    ("no Z report yet, nothing owed", "daily", Happened(LONG, []), [], NOTHING, None),
    ("a Z report just now", "daily", Happened(LONG, [ago(minutes=1)]), [], A_SET, ago(minutes=1, days=-1)),
    ("a set after it", "daily", Happened(LONG, [ago(hours=3)]), [ago(hours=2)], NOTHING, None),
    ("a set before it does not count", "daily", Happened(LONG, [ago(hours=3)]), [ago(hours=4)], A_SET, ago(hours=-21)),
    ("a set of the very moment counts", "daily", Happened(LONG, [ago(hours=3)]), [ago(hours=3)], NOTHING, None),
    ("24 hours less a minute", "daily", Happened(LONG, [ago(hours=23, minutes=59)]), [], A_SET, ago(minutes=-1)),
    ("24 hours and a minute", "daily", Happened(LONG, [ago(hours=24, minutes=1)]), [], OVERDUE, ago(minutes=1)),
    ("the first of two that no set followed", "daily", Happened(LONG, [ago(hours=25), ago(hours=1)]), [], OVERDUE,
     ago(hours=1)),
    ("one set covers both", "daily", Happened(LONG, [ago(hours=25), ago(hours=2)]), [ago(hours=1)], NOTHING, None),
    ("a week without a Z report owes nothing", "daily", Happened(LONG, [ago(days=8)]), [ago(days=7, hours=23)], NOTHING,
     None),
    ("a Z report of tomorrow by a wrong clock", "daily", Happened(LONG, [ago(days=-1)]), [], NOTHING, None),
    ("sets in any order", "daily", Happened(LONG, [ago(hours=3)]), [ago(hours=2), ago(days=3)], NOTHING, None),
    ("a version yesterday", "version", Happened(LONG, installations=[ago(days=1)]), [], A_SET, ago(days=-6)),
    ("a version eight days ago", "version", Happened(LONG, installations=[ago(days=8)]), [], OVERDUE, ago(days=1)),
    ("a version and its set", "version", Happened(LONG, installations=[ago(days=8)]), [ago(days=2)], NOTHING, None),
    ("programs are not known", "version", Happened(LONG), [], UNKNOWN, None),
    ("never a database set, new till", "database", Happened(ago(days=5)), [], A_SET,
     datetime(2027, 2, 21, 20, 0, tzinfo=UTC)),
    ("never a database set, old till", "database", Happened(ago(days=100)), [], OVERDUE,
     datetime(2026, 11, 18, 20, 0, tzinfo=UTC)),
    ("a database set of August", "database", Happened(LONG), [datetime(2026, 8, 26, 19, 0, tzinfo=UTC)], OVERDUE,
     datetime(2026, 11, 26, 19, 0, tzinfo=UTC)),
    ("a database set of today is owed again in three months", "database", Happened(LONG), [NOW], A_SET,
     datetime(2027, 2, 26, 20, 0, tzinfo=UTC)),
    ("working copies are owed to nobody", "operational", Happened(LONG, [ago(days=9)]), [], NOTHING, None),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_what_is_owed(case: Case) -> None:
    _, of, happened, sets, owed, by = case
    duty = judge(LV.classes[of], happened, [kept(at) for at in sets], NOW)
    assert (duty.owed, duty.by) == (owed, by)


@given(st.lists(st.integers(0, 5000)), st.lists(st.integers(0, 5000)), st.integers(0, 3000))
def test_one_more_set_never_makes_more_owed(z: list[int], sets: list[int], more: int) -> None:
    order = [NOTHING, A_SET, OVERDUE]
    happened = Happened(LONG, [ago(minutes=each) for each in z])
    without = judge(LV.classes["daily"], happened, [kept(ago(minutes=each)) for each in sets], NOW)
    with_it = judge(LV.classes["daily"], happened, [kept(ago(minutes=each)) for each in [*sets, more]], NOW)
    assert order.index(with_it.owed) <= order.index(without.owed)


@pytest.mark.parametrize(
    ("happened", "last", "of"),
    [
        (Happened(LONG, [ago(minutes=1)]), ago(hours=5), "daily"),
        (Happened(LONG, [ago(minutes=1)]), NOW, None),
        (Happened(LONG, []), ago(hours=5), None),
        (Happened(LONG, [], [ago(minutes=5)]), ago(hours=5), "version"),
        (Happened(LONG, []), ago(days=50), None),
        (Happened(LONG, []), ago(days=70), "database"),
        (Happened(NOW, []), None, None),
        (Happened(LONG), None, "database"),
    ],
)
def test_a_till_makes_a_backup_at_the_z_report_and_not_by_the_clock(
    happened: Happened, last: datetime | None, of: str | None
) -> None:
    found = wanted(LV.classes.values(), happened, kept(last) if last else None, NOW)
    assert (found.id if found else None) == of


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("3 months", (2026, 11, 30), (2027, 2, 28)),
        ("3 years", (2024, 2, 29), (2027, 2, 28)),
        ("1 month", (2026, 12, 31), (2027, 1, 31)),
        ("7 days", (2026, 12, 28), (2027, 1, 4)),
        ("8 weeks", (2026, 1, 1), (2026, 2, 26)),
    ],
)
def test_months_and_years_are_those_of_the_calendar(
    text: str, begin: tuple[int, int, int], end: tuple[int, int, int]
) -> None:
    assert parse(text).after(datetime(*begin, 9, tzinfo=UTC)) == datetime(*end, 9, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "3", "0 days", "-1 days", "3 fortnights", "three years", "3 years "])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no period"):
        parse(text)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.integers(1, 600), st.integers(1, 600))
def test_a_longer_period_never_ends_earlier(at: datetime, months: int, more: int) -> None:
    assert Period(months=months).after(at) < Period(months=months + more).after(at)


def test_sets_are_kept_for_years_and_better_for_longer() -> None:
    daily = LV.classes["daily"]
    assert keep_until(daily, NOW) == datetime(2031, 11, 26, 20, 0, tzinfo=UTC)
    assert keep_until(daily, NOW, better=False) == datetime(2029, 11, 26, 20, 0, tzinfo=UTC)
    assert keep_until(LV.classes["operational"], NOW) == NOW + timedelta(weeks=8)


@pytest.mark.parametrize(
    ("ids", "country", "allowed"),
    [
        (["daily"], "LV", True),
        (["daily"], "DE", False),
        (["daily"], "", False),
        (["operational"], "DE", True),
        (["operational"], "", True),
        (["operational", "database"], "LT", False),
        ([], "", True),
    ],
)
def test_a_place_is_refused_with_the_rule(ids: list[str], country: str, allowed: bool) -> None:
    classes = LV.named(ids)
    if allowed:
        check_place(classes, country)
        return
    for language in LANGUAGES:
        with pytest.raises(RepositoryRefused) as refused:
            check_place(classes, country, language)
        assert refused.value.code == "backup.place_not_allowed"
        assert classes[-1].rule[language] in str(refused.value)
        assert "Nr. 95" in str(refused.value)


def test_what_is_shipped_says_where_it_stands() -> None:
    assert set(LV.classes) == {"daily", "version", "database", "operational"}
    for one in LV.classes.values():
        assert bool(one.legal_basis) == bool(one.countries) == bool(one.verified_on) == bool(one.source)
    with pytest.raises(ConfigError) as refused:
        LV.named(["dayly"])
    assert "daily" in refused.value.allowed


OTHER = """
regime = "xx"
[[class]]
id = "hourly"
trigger = "interval"
filled_by = ["files"]
within = "1 hour"
keep = "1 day"
title = { lv = "a", en = "b", ru = "c" }
rule = { lv = "a", en = "b", ru = "c" }
"""


def other(old: str = "", new: str = "") -> Regime:
    return read(OTHER.replace(old, new) if old else OTHER, "xx.toml")


def test_another_country_is_another_file() -> None:
    hourly = other().classes["hourly"]
    assert judge(hourly, Happened(LONG), [kept(ago(minutes=61))], NOW).owed is OVERDUE
    assert judge(hourly, Happened(LONG), [kept(ago(minutes=59))], NOW).owed is A_SET


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('within = "1 hour"', "", "class.0"),
        ('"interval"', '"none"', "class.0"),
        ('"1 hour"', '"soon"', "class.0.within"),
        (', ru = "c" }\nrule', "}\nrule", "class.0.title"),
        ('keep = "1 day"', 'keep = "1 day"\ncountries = ["LV"]', "class.0"),
        ('keep = "1 day"', 'keep = "1 day"\ncountries = ["Latvia"]', "class.0.countries.0"),
        ('keep = "1 day"', 'keep = "1 day"\nkeeep = 1', "class.0.keeep"),
        ('"interval"', '"sometimes"', "class.0.trigger"),
        ('["files"]', '["paper"]', "class.0.filled_by.0"),
        ("[[class]]", "[[class]", ""),
        ('keep = "1 day"', "", "class.0.keep"),
    ],
)
def test_a_wrong_regime_names_the_key(old: str, new: str, key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        other(old, new)
    assert (refused.value.file, refused.value.key) == ("xx.toml", key)


def test_two_classes_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError):
        read(OTHER + OTHER.split("\n", 2)[2], "xx.toml")

"""Versions of what is wished, what follows for the terminals below, and who is asked to fetch it."""

import json
from datetime import timedelta

import pytest

from collector.inventory import desired_state as state
from collector.inventory.desired import Wrong
from collector.inventory.desired_models import DesiredState
from collector.inventory.models import Customer, Terminal
from protocols.wire import v1
from protocols.wire.desired import digest_of
from tests.collector.web import world

pytestmark = pytest.mark.django_db
NOW = world.NOW


def save(place: state.Place, text: str, base: int = 0, comment: str = "") -> int:
    return state.save(place, text, author="ieva", comment=comment, base=base, now=NOW).number


def wished(terminal: Terminal) -> v1.Desired:
    fresh = Terminal.objects.get(pk=terminal.pk)
    return v1.Desired.model_validate_json(state.document(fresh, b"", NOW))


def told(terminal: Terminal, number: int, digest: str, outcome: str = "applied", **more: object) -> None:
    message = v1.Configuration(
        seq=1, at=NOW, number=number, digest=digest, outcome=v1.Outcome(outcome), **more
    )
    state.record_told(terminal.pk, message, NOW)


@pytest.fixture
def tills() -> tuple[Terminal, Terminal, Terminal]:
    """Two of one shop, one of another customer."""
    place = world.site()
    other = world.site("Kūriņš", "Ventspils", "SIA Jūras vējš")
    return world.till(place), world.till(place, "Kase 2"), world.till(other, "Kase 3")


def test_nothing_is_wished_where_nobody_wrote(tills: tuple[Terminal, ...]) -> None:
    assert state.waits([till.pk for till in tills]) == set()
    with pytest.raises(state.NothingWished):
        wished(tills[0])


def test_a_word_of_the_customer_reaches_all_its_tills_and_no_other(tills: tuple[Terminal, ...]) -> None:
    first, second, _other = tills
    assert save(first.site.customer, "[host]\nsample_s = 30", comment="calmer") == 1
    assert state.waits([till.pk for till in tills]) == {first.pk, second.pk}
    document = wished(second)
    assert document.tables == {"host": {"sample_s": 30}}
    assert (document.number, document.digest) == (1, digest_of({"host": {"sample_s": 30}}))
    assert (document.terminal, document.by, document.comment) == (second.pk, "ieva", "calmer")


def test_each_level_lies_over_the_one_before(tills: tuple[Terminal, ...]) -> None:
    first, second, _ = tills
    save(first, "[host]\nsample_s = 5")
    save(first.site, '[host]\nsample_s = 10\nmemory_low_percent = 7\n[agent]\nlanguage = "ru"')
    save(first.site.customer, "[host]\nsample_s = 20\ndisk_low_percent = 20")
    assert wished(first).tables == {
        "host": {"sample_s": 5, "disk_low_percent": 20, "memory_low_percent": 7},
        "agent": {"language": "ru"},
    }
    assert wished(second).tables["host"]["sample_s"] == 10  # type: ignore[index, call-overload]


def test_a_number_counts_what_changes_for_the_terminal(tills: tuple[Terminal, ...]) -> None:
    first, second, _ = tills
    save(first, "[host]\nsample_s = 5")
    save(first.site, "[host]\nsample_s = 10")
    assert DesiredState.objects.get(pk=first.pk).number == 1, "its own word hides that of the shop"
    assert DesiredState.objects.get(pk=second.pk).number == 1
    save(first.site, "[host]\nsample_s = 10 # written otherwise", base=1)
    assert DesiredState.objects.get(pk=second.pk).number == 1, "the content is the same"


def test_who_has_judged_it_is_not_asked_again_until_it_changes(tills: tuple[Terminal, ...]) -> None:
    first = tills[0]
    save(first, "[host]\nsample_s = 5")
    told(first, 1, wished(first).digest, "refused", code="config.invalid", key="host.sample_s", error="no")
    assert state.waits([first.pk]) == set()
    row = DesiredState.objects.get(pk=first.pk)
    assert (row.outcome, row.key, row.error, row.is_answered) == ("refused", "host.sample_s", "no", True)
    save(first, "[host]\nsample_s = 6", base=1)
    assert state.waits([first.pk]) == {first.pk}
    told(first, 0, "")
    assert state.waits([first.pk]) == {first.pk}, "a till that has lost it asks again"


def test_going_back_is_a_new_version_with_the_old_text(tills: tuple[Terminal, ...]) -> None:
    first = tills[0]
    for base, text in enumerate(("[host]\nsample_s = 5", "[host]\nsample_s = 6", "[host]\nsample_s = 5")):
        save(first, text, base)
    assert [version.number for version in state.versions(first)] == [3, 2, 1]
    document = wished(first)
    assert (document.number, document.tables) == (3, {"host": {"sample_s": 5}})


def test_a_text_over_a_version_that_one_did_not_see_is_refused(tills: tuple[Terminal, ...]) -> None:
    first = tills[0]
    save(first, "[host]\nsample_s = 5")
    with pytest.raises(state.ChangedMeanwhile):
        save(first, "[host]\nsample_s = 6")
    with pytest.raises(state.NothingNew):
        save(first, "[host]\nsample_s = 5", base=1)
    with pytest.raises(Wrong):
        save(first, "[jobs]\nservices = []", base=1)
    assert state.versions(first).count() == 1


def test_a_new_till_of_a_shop_gets_what_the_shop_says(tills: tuple[Terminal, ...]) -> None:
    save(tills[0].site, "[host]\nsample_s = 10")
    late = world.till(tills[0].site, "Kase 9")
    assert state.waits([late.pk]) == {late.pk}
    late.site = tills[2].site
    late.save()
    assert state.waits([late.pk]) == set(), "it has come to a shop that says nothing"


def test_a_dry_run_changes_nothing(tills: tuple[Terminal, ...]) -> None:
    first, second, _ = tills
    save(first, "[host]\nsample_s = 5")
    found = state.preview(first.site.customer, "[host]\nsample_s = 20\ndisk_low_percent = 20")
    assert [(one.terminal.pk, [c.key for c in one.changes]) for one in found] == [
        (first.pk, ["host.disk_low_percent"]),
        (second.pk, ["host.disk_low_percent", "host.sample_s"]),
    ]
    assert state.versions(first.site.customer).count() == 0
    with pytest.raises(Wrong):
        state.preview(first, "[host")


def test_what_an_older_release_took_stays_readable(tills: tuple[Terminal, ...]) -> None:
    """The till judges it; the collector does not fail over it."""
    first = tills[0]
    save(first, "[host]\nsample_s = 5")
    state.versions(first).update(text="[host]\nsample_s = 5\ngone = 1")
    state.refresh(first, NOW + timedelta(minutes=1))
    assert wished(first).tables == {"host": {"sample_s": 5, "gone": 1}}
    assert state.waits([first.pk]) == {first.pk}


def test_what_a_till_tells_meanwhile_is_not_lost(
    tills: tuple[Terminal, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on PostgreSQL, where the report of a till may be stored between reading the rows and writing them."""
    first = tills[0]
    save(first, "[host]\nsample_s = 5")
    digest = wished(first).digest
    laid = state.desired.laid

    def meanwhile(levels: object) -> object:
        told(first, 1, digest)
        return laid(levels)  # type: ignore[arg-type]

    monkeypatch.setattr(state.desired, "laid", meanwhile)
    save(first, "[host]\nsample_s = 6", base=1)
    row = DesiredState.objects.get(pk=first.pk)
    assert (row.number, row.told_number, row.told_digest) == (2, 1, digest)


def test_waiting_is_one_query(tills: tuple[Terminal, ...], django_assert_num_queries: object) -> None:
    save(Customer.objects.get(name="SIA Zaļā karote"), "[host]\nsample_s = 5")
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(state.waits([till.pk for till in tills])) == 2


def test_differences_are_kept_as_told(tills: tuple[Terminal, ...]) -> None:
    one = v1.Difference(key="host.sample_s", reason=v1.DifferenceReason.LOCAL, local="5", desired="9")
    told(tills[0], 1, "a" * 64, "local", differs=(one,))
    row = DesiredState.objects.get(pk=tills[0].pk)
    assert json.loads(json.dumps(row.differs))[0] == {
        "key": "host.sample_s", "reason": "local", "local": "5", "desired": "9",
    }  # fmt: skip

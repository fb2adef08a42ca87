"""Shipped articles come in, are renewed, and never write over what people have changed."""

from pathlib import Path

import pytest

from collector.core.models import User
from collector.knowledge import writing
from collector.knowledge.models import Article, Audience, State
from collector.knowledge.search import find
from collector.knowledge.shipped import one
from collector.knowledge.sync import Synced, sync
from collector.knowledge.texts import Part, Text, text_of
from tests.collector.still import START

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

FILE = """+++
audience = "customers"
review = 2027-11-26
codes = ["printer.offline"]
+++
# lv
{summary}
keywords: nedarbojas

## meaning
Nozīme.

## never
Nekad.

# en: The printer
Summary.

## meaning
Meaning.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "printer-offline.md").write_text(FILE.format(summary="Pirmais teksts."))
    return tmp_path


def change(folder: Path) -> None:
    (folder / "printer-offline.md").write_text(FILE.format(summary="Otrais teksts."))


def article() -> Article:
    return Article.objects.select_related("current").get(slug="printer-offline")


def shown() -> Text:
    current = article().current
    assert current is not None
    return text_of(current, "lv")


def edit(folder: Path) -> None:
    user = User.objects.create(username="anna")
    text = Text("Mūsu nosaukums", "Mūsu teksts.", "", {Part.MEANING: "Mūsu."})
    version = writing.add_version(article(), user, START, {"lv": text}, after=1)
    writing.publish(article().pk, version.number)


def test_a_file_comes_in_whole(folder: Path) -> None:
    assert sync(START, folder) == Synced(new=1, renewed=0, waiting=0, unchanged=0)
    assert shown() == Text(
        "Printeris ir bezsaistē",
        "Pirmais teksts.",
        "nedarbojas",
        {Part.MEANING: "Nozīme.", Part.NEVER: "Nekad."},
    )
    assert (article().audience, article().state) == (Audience.CUSTOMERS, State.PUBLISHED)
    assert [found.slug for found in find("", "lv", codes=["printer.offline"])] == ["printer-offline"]


def test_the_same_file_again_does_nothing(folder: Path) -> None:
    sync(START, folder)
    assert sync(START, folder) == Synced(0, 0, 0, 1)
    assert article().versions.count() == 1


def test_a_newer_file_is_a_new_version(folder: Path) -> None:
    sync(START, folder)
    change(folder)
    assert sync(START, folder) == Synced(0, 1, 0, 0)
    assert shown().summary == "Otrais teksts."
    assert [version.number for version in article().versions.all()] == [2, 1]


def test_what_people_changed_stays_and_the_newer_file_waits(folder: Path) -> None:
    sync(START, folder)
    edit(folder)
    change(folder)
    assert sync(START, folder) == Synced(0, 0, 1, 0)
    assert shown().summary == "Mūsu teksts."
    assert article().seed_waits
    assert sync(START, folder) == Synced(0, 0, 0, 1)


def test_a_retired_article_stays_retired(folder: Path) -> None:
    sync(START, folder)
    writing.retire(article().pk)
    change(folder)
    sync(START, folder)
    assert article().state == State.RETIRED
    assert find("", "lv", codes=["printer.offline"]) == []


def test_an_article_of_people_with_the_same_name_is_theirs(folder: Path) -> None:
    Article.objects.create(slug="printer-offline")
    assert sync(START, folder) == Synced(0, 0, 0, 0)


def test_one_file_is_read_by_its_name(folder: Path) -> None:
    found = one("printer-offline", folder)
    assert found is not None
    assert found.texts["en"].title == "The printer"
    assert one("nothing", folder) is None

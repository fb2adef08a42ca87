"""The pages about devices say what the code says."""

from dataclasses import replace

import pytest

from agent.devices import profile_store
from protocols.device.family import Known
from protocols.device.registry import FAMILIES
from tests import devices_pages
from tests.contract.test_identity import Tells

PROFILES = profile_store.load()


def test_every_page_is_written_and_none_is_left_over() -> None:
    pages = devices_pages.everything(FAMILIES, PROFILES)
    assert list(devices_pages.differences(pages)) == []
    assert {f"{name}.md" for name in FAMILIES} < set(pages)


def test_a_page_that_differs_is_named() -> None:
    """The control."""
    pages = devices_pages.everything(FAMILIES, PROFILES)
    pages["escpos.md"] += "and it makes coffee\n"
    del pages["posnet.md"]
    assert [line.split()[0] for line in devices_pages.differences(pages)] == [
        "docs/devices/escpos.md",
        "docs/devices/posnet.md",
    ]


@pytest.mark.parametrize(
    ("known", "words"), [(Known.MANUAL, "not seen on a device"), (Known.FIELD, "in use on tills")]
)
def test_nobody_claims_more_than_the_evidence(known: Known, words: str) -> None:
    family = FAMILIES["escpos"]
    changed = replace(family, evidence=replace(family.evidence, known=known))
    text = devices_pages.page(changed, PROFILES["escpos"], ())
    assert words in text
    assert [other for other in devices_pages.WORDS if other in text] == [words_of(known)]
    assert "What it says of itself" not in text


def words_of(known: Known) -> str:
    return devices_pages.EVIDENCE[known]


def test_what_one_model_tells_is_claimed_of_no_other() -> None:
    one, other = (
        Tells(told={"serial": "1", "last_z_number": 2}, model="A"),
        Tells(told={"serial": "1"}, model="B"),
    )
    text = devices_pages.page(FAMILIES["posnet"], PROFILES["posnet"], (one, other))
    assert "**A** tells serial, last z number." in text
    assert "**B** tells serial." in text


def test_a_bit_is_told_with_its_fault() -> None:
    text = devices_pages.page(FAMILIES["datecs_isl_legacy"], PROFILES["datecs_isl_legacy"], ())
    assert "| 2.0 | no paper | paper_end: yes | `printer.paper_end`: printer is out of paper |" in text
    shtrih = devices_pages.page(FAMILIES["shtrih_v1"], PROFILES["shtrih_v1"], ())
    assert "`printer.paper_end` when cleared" in shtrih

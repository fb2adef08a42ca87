"""Profiles: what a file may say, which profile a model gets, and what a bit then means."""

from pathlib import Path

import pytest

from agent.devices import profile_store
from protocols.device.profile import EMPTY, Profile, parse
from protocols.device.registry import FAMILIES
from protocols.errors import ConfigError

GOOD = """
[common]
[common.bits]
"0.0" = ["paper_end", "no paper"]
[[profile]]
name = "one"
maker = "M"
models = ["FP-800", "FP 2000"]
inherits = true
[profile.bits]
"0.1" = ["!clock_set", "clock is not set"]
"0.2" = "+paper_near_end"
"0.3" = "fiscalised"
"0.4" = "fiscalised"
"0.5" = ["", "summary"]
[[profile]]
name = "every"
maker = "N"
options = { every_model = true }
"""


def one() -> Profile:
    return parse(GOOD, "x.toml").choose("one")


@pytest.mark.parametrize("model", ["FP-800", "fp800", "FP-2000", "one", "M FP-800"])
def test_a_listed_model_gets_its_profile(model: str) -> None:
    assert parse(GOOD, "x.toml").choose(model).name == "one"


@pytest.mark.parametrize("model", ["FP-8000", "FP-80", "", None, "common?"])
def test_any_other_model_gets_the_common_part(model: str | None) -> None:
    profile = parse(GOOD, "x.toml").choose(model)
    assert (profile.name, profile.known) == ("common", False)


def test_a_maker_whose_models_are_all_alike_needs_no_model() -> None:
    profiles = parse(GOOD, "x.toml")
    assert profiles.choose("never heard of", "N").name == "every"
    assert profiles.choose("never heard of", "M").name == "common"


def test_a_profile_inherits_the_common_bits_only_when_it_says_so() -> None:
    assert one().read({0: 0x01}).paper_end is True
    assert parse(GOOD, "x.toml").choose("every").read({0: 0x01}).paper_end is None


@pytest.mark.parametrize(("byte", "expected"), [(0x00, True), (0x02, False)])
def test_an_inverted_bit(byte: int, expected: bool) -> None:
    assert one().read({0: byte}).clock_set is expected


@pytest.mark.parametrize(("byte", "expected"), [(0x00, None), (0x04, True)])
def test_a_bit_that_says_nothing_when_cleared(byte: int, expected: bool | None) -> None:
    assert one().read({0: byte}).paper_near_end is expected


@pytest.mark.parametrize(("byte", "expected"), [(0x18, True), (0x08, False), (0x10, False), (0x00, False)])
def test_of_two_bits_about_one_flag_the_worse_holds(byte: int, expected: bool) -> None:
    assert one().read({0: byte}).fiscalised is expected


def test_a_bit_outside_the_mask_is_unknown() -> None:
    assert one().read({0: 0xFF}, {0: 0xFE}).paper_end is None
    assert one().notes({0: 0x21}, {0: 0xFE}) == ["summary"]


def test_a_byte_that_was_not_in_the_reply_is_unknown() -> None:
    assert one().read({1: 0xFF}).paper_end is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[common", "(file)"),
        ("common = 1", "(file)"),
        ("profile = 1", "(file)"),
        ("profile = [1]", "profile"),
        ("[[profile]]\nmaker = 'M'", "profile.name"),
        ("[common]\nbits = 1", "common"),
        ("[common]\nsensors = true", "common.sensors"),
        ("[common.bits]\n'x' = 'busy'", "common.bits.x"),
        ("[common.bits]\n'0.8' = 'busy'", "common.bits.0.8"),
        ("[common.bits]\n'0.1' = 'no_such_flag'", "common.bits.0.1"),
        ("[common.bits]\n'0.1' = 'device_time'", "common.bits.0.1"),
        ("[common.bits]\n'0.1' = 7", "common.bits.0.1"),
    ],
)
def test_a_wrong_file_is_refused_with_its_key(text: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.toml")
    assert (caught.value.file, caught.value.key) == ("x.toml", key)


def test_every_family_has_a_file_and_every_model_one_profile() -> None:
    for name, profiles in profile_store.load().items():
        models = [model for profile in profiles.known for model in profile.models]
        assert len(set(models)) == len(models), name
        assert profiles == EMPTY or profiles.common.bits, name  # a family may have no status bits at all
    assert profile_store.load().keys() == FAMILIES.keys()


def test_a_folder_of_ones_own_goes_first(tmp_path: Path) -> None:
    (tmp_path / "escpos.toml").write_text(
        '[[profile]]\nname = "mine"\nmodels = ["TM-U220"]\n', encoding="utf-8"
    )
    assert profile_store.load(tmp_path)["escpos"].choose("TM-U220").name == "mine"
    assert profile_store.load()["escpos"].choose("TM-U220").name == "no_near_end_sensor"


def test_a_file_of_no_family_is_refused(tmp_path: Path) -> None:
    (tmp_path / "escops.toml").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="not named after a family"):
        profile_store.load(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a folder"):
        profile_store.load(tmp_path / "nowhere")

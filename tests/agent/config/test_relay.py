"""The relay is off unless somebody wants it, and leads nobody out of the shop's network."""

import tomllib
from pathlib import Path

import pytest

from agent.config import load
from agent.config.desired import OPEN
from agent.config.model import Relay
from protocols.errors import ConfigError
from tests.agent.config.test_reader import EXAMPLE, HEAD, written


def test_it_is_off(tmp_path: Path) -> None:
    relay = load(written(tmp_path, HEAD)).relay
    assert not relay.use
    assert not relay.serve


def test_the_collector_cannot_switch_it_on() -> None:
    assert "relay" not in OPEN


def test_the_example_shows_every_key_with_its_default() -> None:
    shown = EXAMPLE.read_text("utf-8").partition("[relay]")[2]
    lines = [line[2:] for line in shown.splitlines() if line.startswith("# ") and " = " in line]
    keys = tomllib.loads("\n".join(lines))
    assert keys.keys() == Relay.model_fields.keys()
    assert Relay.model_validate(keys) == Relay()


@pytest.mark.parametrize(
    "keys",
    [
        'use = true\npeers = ["192.168.1.10", "10.0.0.5:9000"]',
        'serve = true\nlisten = "192.168.1.10"\nport = 9000\nrank = 0',
        'use = true\ngroup = ""',
    ],
)
def test_what_is_taken(tmp_path: Path, keys: str) -> None:
    load(written(tmp_path, f"{HEAD}[relay]\n{keys}\n"))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('peers = ["8.8.8.8"]', "'8.8.8.8' is no private IPv4 address"),
        ('peers = ["till-2"]', "'till-2' is no private IPv4 address"),
        ('peers = ["10.0.0.5:0"]', "'10.0.0.5:0' is no private"),
        ('peers = ["10.0.0.5:x"]', "'10.0.0.5:x' is no private"),
        ('listen = "203.0.113.1"', "'203.0.113.1' is no private IPv4 address"),
        ('listen = "::"', "'::' is no private IPv4 address"),
        ('group = "224.0.0.1"', "'224.0.0.1' is no multicast group of a LAN"),
        ('group = "239.1.1"', "'239.1.1' is no multicast group"),
        ('group = "239.255.1.999"', "'239.255.1.999' is no multicast group"),
        ("rank = -1", "rank"),
        ("kib_s = 1", "kib_s"),
        ("serves = true", "did you mean"),
    ],
)
def test_what_is_not(tmp_path: Path, keys: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, f"{HEAD}[relay]\n{keys}\n"))
    assert said in str(refused.value)
    assert "relay" in refused.value.key

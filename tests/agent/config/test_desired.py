"""What the collector may set on a till, and what it never may, whoever has it."""

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config.desired import OPEN, PLACED, WALL, lay
from agent.config.model import TABLES, Config
from agent.config.reader import checked
from protocols.errors import ConfigError
from protocols.wire.desired import parts

FILE = """
[agent]
state_dir = "/var/lib/plomba-agent"
name = "Kase 1"
{marks}

[collector]
url = "https://collector.example"
report_s = 20

[discovery]
ports = ["/dev/ttyUSB7", "socket://192.0.2.15:9100"]

[host]
sample_s = 30

[jobs]
company_root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
services = ["pos.service"]

[[device]]
id = "kitchen"
family = "escpos"
port = "/dev/ttyS0"
poll_s = 5

[[device]]
id = "fiscal"
family = "datecs_isl_legacy"
port = "/dev/ttyUSB0"

[[backup]]
name = "pos"
engine = "sqlite"
source = "/var/lib/pos/pos.db"
recovery_key = "/etc/plomba/recovery.pub"
every = "6h"
"""


def local(marks: str = "") -> dict[str, Any]:
    return tomllib.loads(FILE.replace("{marks}", marks))


def wished(text: str) -> dict[str, Any]:
    return tomllib.loads(text)


def value(config: Config, key: str) -> object:
    table, row, word = parts(key)
    if not row:
        return getattr(getattr(config, table), word)
    rows = {"device": config.devices, "backup": config.backups}[table]
    found = next(one for one in rows if getattr(one, "id", getattr(one, "name", "")) == row)
    return getattr(found, word)


TAKEN: dict[str, tuple[str, str, object]] = {
    "over what the file says": ("[host]\nsample_s = 15", "host.sample_s", 15),
    "over a default": ("[host]\ndisk_low_percent = 20", "host.disk_low_percent", 20),
    "a table that the file has not": ('[agent]\nlog_level = "debug"', "agent.log_level", "debug"),
    "of one device": ('[[device]]\nid = "fiscal"\npoll_s = 9', "device[fiscal].poll_s", 9),
    "a list": ('[host]\nservices = ["pos", "cron"]', "host.services", ("pos", "cron")),
}


@pytest.mark.parametrize("case", TAKEN)
def test_an_open_key_is_taken(case: str) -> None:
    text, key, wanted = TAKEN[case]
    laid = lay(local(), wished(text), "version 3")
    assert value(laid.config, key) == wanted
    assert set(laid.taken) == {key}
    assert (laid.differs, laid.outcome) == ((), "applied")
    assert laid.config.devices[0].poll_s == 5


def test_the_one_rhythm_takes_the_place_of_the_other() -> None:
    laid = lay(local(), wished('[[backup]]\nname = "pos"\nat = "03:30"'), "version 3")
    [plan] = laid.config.backups
    assert plan.every is None
    assert plan.at is not None


MARKS = [
    ('"device[kitchen].poll_s"', True),
    ('"device[kitchen]"', True),
    ('"device.poll_s"', True),
    ('"device"', True),
    ('"*"', True),
    ('"device[fiscal].poll_s"', False),
    ('"device[kitchen].slow_s"', False),
    ('"host"', False),
    ("", False),
]


@pytest.mark.parametrize(("mark", "holds"), MARKS)
def test_what_the_file_marks_as_local_holds(mark: str, holds: bool) -> None:
    wish = wished('[[device]]\nid = "kitchen"\npoll_s = 9')
    laid = lay(local(f"local = [{mark}]"), wish, "version 3")
    assert laid.config.devices[0].poll_s == (5 if holds else 9)
    told = [(one.key, one.reason, one.local, one.desired) for one in laid.differs]
    assert told == ([("device[kitchen].poll_s", "local", "5", "9")] if holds else [])
    assert laid.outcome == ("local" if holds else "applied")


def test_a_mark_holds_against_the_other_rhythm_too() -> None:
    wish = wished('[[backup]]\nname = "pos"\nat = "03:30"')
    laid = lay(local('local = ["backup[pos].every"]'), wish, "version 3")
    assert laid.config.backups[0].every is not None
    assert laid.outcome == "local"


@pytest.mark.parametrize("mark", ["bakcup", "host[a]", "device[", "*.port", "device[kitchen].poll_s.x"])
def test_a_mark_that_names_nothing_is_a_mistake_of_the_file(mark: str) -> None:
    with pytest.raises(ConfigError, match=r"agent\.local"):
        checked("agent.toml", local(f'local = ["{mark}"]'))


def test_what_is_not_on_this_till_is_told_and_left_out() -> None:
    laid = lay(local(), wished('[[device]]\nid = "bar"\npoll_s = 9\n[host]\nsample_s = 15'), "version 3")
    assert [(one.key, one.reason) for one in laid.differs] == [("device[bar].poll_s", "absent")]
    assert len(laid.config.devices) == 2
    assert laid.outcome == "applied"


def test_a_device_is_placed_on_a_port_that_the_till_lists() -> None:
    text = '[[device]]\nid = "bar"\nfamily = "escpos"\nport = "socket://192.0.2.15:9100"'
    laid = lay(local(), wished(text), "version 3")
    assert [device.id for device in laid.config.devices] == ["kitchen", "fiscal", "bar"]
    held = lay(local('local = ["device"]'), wished(text), "version 3")
    assert [device.id for device in held.config.devices] == ["kitchen", "fiscal"]


HOSTILE = {
    "the folder of the identity": '[agent]\nstate_dir = "/tmp/x"',
    "what is local": "[agent]\nlocal = []",
    "profiles of its own": '[agent]\nprofiles_dir = "/tmp/x"',
    "another collector": '[collector]\nurl = "https://evil.example"',
    "the company's root": f'[jobs]\ncompany_root = "{"B" * 43}"',
    "what jobs may restart": '[jobs]\nservices = ["sshd"]',
    "what jobs may read": '[jobs]\nlogs = ["/etc/shadow"]',
    "ports to ask": '[discovery]\nports = ["/dev/ttyS1"]',
    "files to digest": '[host]\npos_programs = ["/etc/shadow"]',
    "whom to call up": '[host]\npos_server = "192.0.2.1:22"',
    "the agent's own budget": "[budget]\ncpu_percent = 100.0",
    "the recovery key": '[[backup]]\nname = "pos"\nrecovery_key = "/tmp/mine.pub"',
    "the place of backups": '[[backup]]\nname = "pos"\nrepository = "/tmp/x"',
    "what is backed up": '[[backup]]\nname = "pos"\nsource = "/etc/shadow"',
    "a backup of its own": '[[backup]]\nname = "new"\nengine = "sqlite"\nsource = "/etc/shadow"\nrecovery_key = "/t"',
    "hardly any backup": '[[backup]]\nname = "pos"\nevery = "900d"',
    "nothing but backups": '[[backup]]\nname = "pos"\nevery = "1m"',
    "a port of a device": '[[device]]\nid = "kitchen"\nport = "/dev/ttyUSB7"',
    "the family of a device": '[[device]]\nid = "kitchen"\nfamily = "star_line"',
    "the speed of a line": '[[device]]\nid = "fiscal"\nbaud = 300',
    "a tap": '[[device]]\nid = "fiscal"\nsharing = "tap"\ntap_link = "/etc/passwd"',
    "a device on a port that is not listed": '[[device]]\nid = "bar"\nfamily = "escpos"\nport = "/dev/ttyS1"',
    "a tap of a placed device": '[[device]]\nid = "bar"\nfamily = "escpos"\nport = "/dev/ttyUSB7"\ntap_link = "/x"',
    "a table that nobody knows": "[shell]\nrun = true",
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("company", ["", "[host]\ndisk_low_percent = 20\n"])
def test_a_hostile_collector_meets_the_wall(case: str, company: str) -> None:
    """With what is allowed beside it, too: then nothing of it is taken."""
    text = HOSTILE[case]
    wish = wished(company + text.replace("[host]\n", "") if company and "[host]" in text else company + text)
    with pytest.raises(ConfigError) as found:
        lay(local(), wish, "version 3")
    assert found.value.code == WALL


def test_without_the_wall_it_would_have_got_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with the key listed as open the model alone does not stop it."""
    monkeypatch.setitem(OPEN, "backup", OPEN["backup"] | {"recovery_key"})  # type: ignore[arg-type]
    laid = lay(local(), wished(HOSTILE["the recovery key"]), "version 3")
    assert str(laid.config.backups[0].recovery_key) == "/tmp/mine.pub"


def test_every_open_key_is_a_key_and_no_trust_is_among_them() -> None:
    """A renamed key must not leave a hole, and words that mean trust, places or programs stay out."""
    for table, words in OPEN.items():
        fields = {field.alias or name for name, field in TABLES[table].model_fields.items()}
        assert words <= fields
        for word in words:
            assert not set(word.split("_")) & {"key", "dir", "url", "root", "port", "source", "repository"}
    assert TABLES["device"].model_fields.keys() >= PLACED
    assert not OPEN.keys() & {"jobs", "relay", "discovery", "budget"}


WRONG = {
    "a value out of its limits": ("[host]\nsample_s = 0", "host.sample_s"),
    "a word for a number": ('[host]\nsample_s = "often"', "host.sample_s"),
    "both rhythms": ('[[backup]]\nname = "pos"\nevery = "6h"\nat = "03:30"', "backup[pos]"),
    "a placed device without a family": (
        '[[device]]\nid = "bar"\nport = "/dev/ttyUSB7"',
        "device[bar].family",
    ),
    "a shape that is none": ("[host.deep]\na = 1", "host.deep"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_refused_with_its_key(case: str) -> None:
    text, key = WRONG[case]
    with pytest.raises(ConfigError) as found:
        lay(local(), wished(text), "version 3")
    assert (found.value.key, found.value.file) == (key, "version 3")
    assert found.value.code == "config.invalid"


SAFE = {
    "agent": ("state_dir", "name", "profiles_dir", "local"),
    "device": ("id", "family", "port", "baud", "parity", "sharing", "tap_link"),
    "backup": ("name", "engine", "source", "repository", "recovery_key"),
    "host": ("pos_programs", "pos_server", "main_terminal"),
}

words = st.sampled_from(sorted({w for t in TABLES.values() for w in t.model_fields} | {"shell"}))
values = st.sampled_from(
    [
        0,
        1,
        9.5,
        True,
        "",
        "6h",
        "03:30",
        "/etc/shadow",
        "/dev/ttyS0",
        "https://evil.example",
        "escpos",
        ["a"],
        [],
    ]
)
rows = st.dictionaries(words, values, max_size=4)
named = st.dictionaries(st.sampled_from(["kitchen", "fiscal", "pos", "bar"]), rows, max_size=3)
documents = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("agent", "collector", "host", "jobs", "budget", "discovery", "shell"), rows),
        "device": named.map(lambda found: [{**row, "id": name} for name, row in found.items()]),
        "backup": named.map(lambda found: [{**row, "name": name} for name, row in found.items()]),
    },
)


@settings(max_examples=400)
@given(documents)
def test_no_document_moves_what_is_behind_the_wall(document: dict[str, Any]) -> None:
    before = checked("agent.toml", local())
    try:
        after = lay(local(), document, "version 3").config
    except ConfigError:
        return
    for table in ("discovery", "jobs", "budget"):
        assert getattr(after, table) == getattr(before, table)
    assert after.collector.url == before.collector.url
    for table, keys in SAFE.items():
        pairs = {
            "device": zip(before.devices, after.devices, strict=True),
            "backup": zip(before.backups, after.backups, strict=True),
        }.get(table) or [(getattr(before, table), getattr(after, table))]
        for old, new in pairs:
            assert [getattr(old, key) for key in keys] == [getattr(new, key) for key in keys]

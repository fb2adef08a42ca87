"""What people may write, what follows from three levels, and what the schema says: as the agent judges."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.desired import lay
from agent.config.schema import json_schema
from collector.inventory import desired
from collector.inventory.desired import Level, Wrong, changes, laid, read, schema, settings
from protocols.errors import ConfigError
from protocols.wire.desired import Tables, flatten

RIGHT = """
# what all tills of the customer share
[host]
sample_s = 30
services = ["pos.service"]

[[device]]
id = "fiscal"
poll_s = 2.5
drawer_open_when = "high"

[[backup]]
name = "pos"
at = "03:30"
"""

WRONG: dict[str, tuple[str, str, str, str]] = {
    "no TOML": ("[host", "", "syntax", ""),
    "too long": ("#" * 16_385, "", "too_long", "16384"),
    "no table": ("sample_s = 5", "sample_s", "shape_table", ""),
    "a row without a name": ("[[device]]\npoll_s = 5", "device[1].id", "shape_name", ""),
    "an unknown table": ("[hots]\nsample_s = 5", "hots", "unknown", "host"),
    "an unknown key": ("[host]\nsamples_s = 5", "host.samples_s", "unknown", "sample_s"),
    "a key of the wall": ('[collector]\nurl = "https://x"', "collector.url", "unknown", ""),
    "a table of the wall": ('[jobs]\ncompany_root = "x"', "jobs", "unknown", ""),
    "a recovery key": ('[[backup]]\nname = "pos"\nrecovery_key = "x"', "backup[pos].recovery_key", "unknown", ""),
    "a word for a number": ('[host]\nsample_s = "5"', "host.sample_s", "type", "number"),
    "yes for a number": ("[host]\nsample_s = true", "host.sample_s", "type", "number"),
    "too little": ("[host]\nsample_s = 0.5", "host.sample_s", "minimum", "1"),
    "too much": ("[host]\nsample_s = 3601", "host.sample_s", "maximum", "3600"),
    "not more than": ("[host]\ndisk_low_percent = 0", "host.disk_low_percent", "above", "0"),
    "not less than": ("[host]\ndisk_low_percent = 100", "host.disk_low_percent", "below", "100"),
    "another word": ('[agent]\nlanguage = "de"', "agent.language", "enum", "lv, en, ru"),
    "another form": ('[[backup]]\nname = "pos"\nat = "3:30"', "backup[pos].at", "pattern", "03:30"),
    "too long a word": (f'[[device]]\nid = "a"\nmodel = "{"x" * 81}"', "device[a].model", "length", "80"),
    "no list": ('[host]\nservices = "pos"', "host.services", "type", "array"),
    "a wrong part of a list": ("[host]\nservices = [5]", "host.services", "type", "string"),
    "a time, which JSON has not": ("[agent]\nopen_from = 08:00:00", "agent.open_from", "shape_value", ""),
}  # fmt: skip


def test_what_is_right_is_read() -> None:
    assert read(RIGHT)["host"] == {"sample_s": 30, "services": ["pos.service"]}
    assert read("") == {}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_named(case: str) -> None:
    text, key, problem, detail = WRONG[case]
    with pytest.raises(Wrong) as found:
        read(text)
    mistake = found.value.mistakes[0]
    assert (mistake.key, mistake.problem) == (key, problem)
    assert problem == "syntax" or mistake.detail == detail


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(Wrong) as found:
        read("[host]\nsample_s = 0\nmemory_low_percent = 0\n[shell]\na = 1")
    assert [m.key for m in found.value.mistakes] == ["host.sample_s", "host.memory_low_percent", "shell"]


LEVELS: dict[Level, Tables] = {
    Level.CUSTOMER: read(RIGHT),
    Level.SITE: read('[host]\nsample_s = 20\n[[backup]]\nname = "pos"\nevery = "6h"'),
    Level.TERMINAL: read('[[device]]\nid = "fiscal"\npoll_s = 9\n[agent]\nlanguage = "ru"'),
}


def test_each_value_says_where_it_comes_from() -> None:
    assert [(one.key, one.value, one.level.value) for one in settings(LEVELS)] == [
        ("agent.language", "ru", "terminal"),
        ("host.sample_s", 20, "site"),
        ("host.services", ["pos.service"], "customer"),
        ("backup[pos].every", "6h", "site"),
        ("device[fiscal].drawer_open_when", "high", "customer"),
        ("device[fiscal].poll_s", 9, "terminal"),
    ]


def test_changes_are_those_of_the_result() -> None:
    after = laid({**LEVELS, Level.SITE: {}})
    found = [(one.key, one.before, one.after) for one in changes(laid(LEVELS), after)]
    assert found == [
        ("host.sample_s", 20, 30),
        ("backup[pos].at", None, "03:30"),
        ("backup[pos].every", "6h", None),
    ]
    assert changes(after, after) == []


def test_the_schema_has_not_drifted() -> None:
    assert schema() == json.loads(json.dumps(json_schema())), "write it anew with: make schema"
    jsonschema.Draft202012Validator.check_schema(schema())


scalars = st.sampled_from(
    [0, 1, 2, 80, 2.5, 99.5, 3601, True, "", "lv", "high", "6h", "03:30", "x" * 101, "escpos", "N", "a b"]
)
words = st.sampled_from(
    sorted(
        {
            word
            for table in schema()["properties"].values()
            for word in (table.get("items") or table)["properties"]
        }
    )
)
rows = st.dictionaries(words, scalars | st.lists(scalars, max_size=2), min_size=1, max_size=3)
documents = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("agent", "collector", "host", "shell"), rows),
        "device": rows.map(lambda row: [{**row, "id": "kitchen"}]),
        "backup": rows.map(lambda row: [{**row, "name": "pos"}]),
    },
)


@given(documents)
def test_the_part_of_json_schema_is_that_of_a_library(document: dict[str, Any]) -> None:
    mine = not list(desired._mistakes(document))
    assert mine == jsonschema.Draft202012Validator(schema()).is_valid(document)


TILL: dict[str, Any] = {
    "collector": {"url": "https://collector.example"},
    "device": [{"id": "kitchen", "family": "escpos", "port": "/dev/ttyS0"}],
    "backup": [{"name": "pos", "engine": "sqlite", "source": "/p", "recovery_key": "/k", "every": "6h"}],
}


@given(documents)
def test_what_the_schema_refuses_no_agent_takes(document: dict[str, Any]) -> None:
    """The other way the agent may still refuse: it knows its ports, its devices, and what goes together."""
    if not list(desired._mistakes(document)):
        return
    try:
        taken = lay(TILL, document, "version 1").taken
    except ConfigError:
        return
    assert not taken.keys() >= flatten(document).keys()


def test_the_schema_lets_through_what_the_agent_takes() -> None:
    assert lay(TILL, read(RIGHT.replace("fiscal", "kitchen")), "version 1").differs == ()

"""How one configuration is laid over another, and what shape is taken at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.wire import desired, v1
from protocols.wire.desired import Misshapen, Tables, digest_of, flatten, merge, shaped, tables_of

BASE: Tables = {
    "host": {"sample_s": 60, "disk_low_percent": 10.0},
    "device": [{"id": "kitchen", "poll_s": 5}, {"id": "fiscal", "poll_s": 2}],
    "backup": [{"name": "pos", "every": "6h"}],
}
CASES: dict[str, tuple[Tables, Tables]] = {
    "nothing over it": ({}, BASE),
    "one key": ({"host": {"sample_s": 30}}, BASE | {"host": {"sample_s": 30, "disk_low_percent": 10.0}}),
    "a row by its name": (
        {"device": [{"id": "fiscal", "model": "FP-2000"}]},
        BASE
        | {"device": [{"id": "kitchen", "poll_s": 5}, {"id": "fiscal", "poll_s": 2, "model": "FP-2000"}]},
    ),
    "a new row": (
        {"device": [{"id": "bar", "poll_s": 9}]},
        BASE | {"device": [*BASE["device"], {"id": "bar", "poll_s": 9}]},
    ),
    "either at or every": (
        {"backup": [{"name": "pos", "at": "03:30"}]},
        BASE | {"backup": [{"name": "pos", "at": "03:30"}]},
    ),
    "both stay where one level sets both": (
        {"backup": [{"name": "pos", "at": "03:30", "every": "1d"}]},
        BASE | {"backup": [{"name": "pos", "at": "03:30", "every": "1d"}]},
    ),
    "another row's rhythm": (
        {"backup": [{"name": "other", "at": "03:30"}]},
        BASE | {"backup": [{"name": "pos", "every": "6h"}, {"name": "other", "at": "03:30"}]},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_merge(case: str) -> None:
    over, wanted = CASES[case]
    assert flatten(merge(BASE, over)) == flatten(wanted)


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a key outside of a table": ({"sample_s": 5}, "sample_s", "table"),
    "a table that is a list": ({"device": {"id": "kitchen"}}, "device", "row"),
    "a list that is a table": ({"host": [{"sample_s": 5}]}, "host", "table"),
    "a row without a name": ({"device": [{"poll_s": 5}]}, "device[1].id", "name"),
    "a name that breaks out": ({"device": [{"id": "a].port"}]}, "device[1].id", "name"),
    "a name twice": ({"device": [{"id": "a"}, {"id": "a"}]}, "device[a]", "twice"),
    "a table in a table": ({"host": {"deep": {"er": 1}}}, "host.deep", "value"),
    "a list in a list": ({"host": {"deep": [[1]]}}, "host.deep", "value"),
    "nothing": ({"host": {"sample_s": None}}, "host.sample_s", "value"),
    "not a number": ({"host": {"sample_s": float("nan")}}, "host.sample_s", "value"),
    "endless": ({"host": {"sample_s": float("-inf")}}, "host.sample_s", "value"),
    "a number that JSON may round": ({"host": {"sample_s": 2**53}}, "host.sample_s", "value"),
    "a NUL": ({"host": {"pos_process": "a\0b"}}, "host.pos_process", "value"),
    "a long text": ({"host": {"pos_process": "a" * 2001}}, "host.pos_process", "value"),
    "too many rows": ({"device": [{"id": f"d{i}"} for i in range(65)]}, "device", "many"),
    "a key with a dot": ({"host": {"a.b": 1}}, "host.a.b", "word"),
    "a table that is no word": ({"__proto__": {"a": 1}}, "__proto__", "word"),
}


@pytest.mark.parametrize("case", WRONG)
def test_another_shape_is_not_taken(case: str) -> None:
    document, key, problem = WRONG[case]
    with pytest.raises(Misshapen) as found:
        shaped(document)
    assert (found.value.key, found.value.problem) == (key, problem)


scalars = (
    st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
)
values = scalars | st.lists(scalars, max_size=3)
words = st.sampled_from(["at", "every", "poll_s", "model", "port"])
rows = st.dictionaries(words, values, min_size=1, max_size=4)
names = st.sampled_from(["kitchen", "bar", "a.b-c"])


def lists(name: str) -> st.SearchStrategy[Any]:
    named = st.dictionaries(names, rows, max_size=3)
    return named.map(lambda found: [{name: n, **row} for n, row in found.items()])


tables = st.fixed_dictionaries(
    {}, optional={"agent": rows, "host": rows, "device": lists("id"), "backup": lists("name")}
)


@given(tables)
def test_shape_keys_and_digest_survive_the_wire(found: Tables) -> None:
    again = shaped(json.loads(json.dumps(found)))
    assert again == found
    assert flatten(tables_of(flatten(found))) == flatten(found)
    assert digest_of(again) == digest_of(tables_of(flatten(found)))


@given(tables)
def test_the_digest_holds_through_the_document_itself(found: Tables) -> None:
    sent = v1.Desired(terminal="t1", number=1, digest=digest_of(found), tables=found)
    come = v1.Desired.model_validate_json(sent.model_dump_json())
    assert digest_of(shaped(come.tables)) == sent.digest


@given(tables, tables, tables)
def test_laying_over_does_not_depend_on_where_one_begins(one: Tables, two: Tables, three: Tables) -> None:
    assert flatten(merge(merge(one, two), three)) == flatten(merge(one, merge(two, three)))


@given(tables, tables)
def test_what_lies_above_wins_and_nothing_else_is_lost(base: Tables, over: Tables) -> None:
    below, above, merged = flatten(base), flatten(over), flatten(merge(base, over))
    assert merged.items() >= above.items() if above else merged == below
    for key, value in below.items():
        assert merged.get(key, value) == (above.get(key, value))
        assert key in merged or desired.displaced(key, above)


def test_displaced_is_seen_to_matter() -> None:
    """The control of the test above: without it the two rhythms would meet, which no agent takes."""
    merged = flatten({"backup": [{"name": "pos", "every": "6h"}]}) | {"backup[pos].at": "03:30"}
    assert {"backup[pos].at", "backup[pos].every"} <= merged.keys()


@pytest.mark.parametrize(
    ("value", "written"),
    [(True, "true"), (5, "5"), (0.5, "0.5"), ('a"b', '"a\\"b"'), (["a", 1], '["a", 1]')],
)
def test_a_value_is_written_as_toml(value: Any, written: str) -> None:
    import tomllib  # noqa: PLC0415 - only here

    assert desired.toml(value) == written
    assert tomllib.loads(f"key = {written}") == {"key": value}

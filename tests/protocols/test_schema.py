"""The wire schema in the repository is the one of the code, and judges messages as the code does."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from protocols.wire import v1

FILE = Path(v1.__file__).with_name("schema") / "v1.json"
AT = "2026-11-22T13:45:00Z"
REPORT: dict[str, Any] = {
    "version": 1,
    "terminal": "t1",
    "epoch": 1,
    "sent_at": AT,
    "messages": [
        {
            "kind": "event",
            "seq": 1,
            "at": AT,
            "subject": {"kind": "device", "id": "printer"},
            "code": "printer.paper_end",
            "change": "raised",
            "since": AT,
        }
    ],
}


def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return found


def test_the_file_has_not_drifted() -> None:
    assert schema() == json.loads(json.dumps(v1.json_schema())), "write it anew with: make schema"


def test_the_file_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def judged(document: object) -> bool:
    validator = jsonschema.Draft202012Validator(schema() | {"$ref": "#/$defs/Report"})
    return validator.is_valid(document)


def test_a_report_is_valid_for_both() -> None:
    assert judged(REPORT)
    assert v1.Report.model_validate_json(json.dumps(REPORT)).messages[0].seq == 1


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"epoch": 0},
        {"terminal": ""},
        {"extra": 1},
        {"messages": [{"kind": "gossip", "seq": 1, "at": AT}]},
        {"messages": [REPORT["messages"][0] | {"seq": 0}]},
        {"messages": [REPORT["messages"][0] | {"change": "maybe"}]},
        {"messages": [REPORT["messages"][0]] * (v1.MESSAGES + 1)},
    ],
)
def test_a_wrong_report_is_wrong_for_both(change: dict[str, Any]) -> None:
    wrong = REPORT | change
    assert not judged(wrong)
    with pytest.raises(ValueError, match="validation error"):
        v1.Report.model_validate_json(json.dumps(wrong))

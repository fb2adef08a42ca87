"""Every reason for which a job can be refused or fail has words for a person, and all about a job has its sign."""

import re

from collector.web import job_words
from collector.web.assets import ROOT, WEB
from collector.web.icons import ICONS
from protocols.wire.job import CATALOGUE, Type

CODE = re.compile(r'"((?:job|operators)\.[a-z_]+)"')
PLACES = (
    "agent/jobs", "agent/runtime/running_till.py", "agent/runtime/drawer_pulse.py", "collector/jobs",
    "protocols/wire/job.py", "protocols/wire/job_signing.py",
)  # fmt: skip
UNSEEN = {"job.key", "job.unknown"}
"""Of commands and addresses, never of a job on a page."""


def codes() -> set[str]:
    found: set[str] = set()
    for place in PLACES:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.glob("*.py")):
            found |= set(CODE.findall(file.read_text("utf-8")))
    return found


def test_every_code_has_words() -> None:
    assert len(codes()) > 40
    assert codes() - UNSEEN - set(job_words.REFUSALS) == set()


def test_every_type_and_parameter_has_a_word() -> None:
    assert set(job_words.TYPES) == set(Type)
    names = {name for kind in CATALOGUE.values() for name in kind.parameters.model_fields}
    assert names - {"type"} == set(job_words.PARAMETERS)


def test_every_state_of_a_job_has_a_sign() -> None:
    style = (WEB / "static/plomba/plomba.css").read_text()
    for sign in job_words.STATES.values():
        assert sign.icon in ICONS
        assert f".tone-{sign.tone}" in style

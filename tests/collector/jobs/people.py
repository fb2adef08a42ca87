"""An office of people with keys at a collector, made by the commands that people use; and a till that fetches."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from collector.core import clock
from protocols.wire import job_signing, signing, v1
from protocols.wire.job import Offer, OperatorList, SignedOperators, read_operators
from tests.collector.served import Served, Till


@dataclass
class Office:
    """`folder` holds root.key, and NAME/operator.key for each person. All is made with the commands that people use."""

    served: Served
    folder: Path
    number: int = 0

    def make(self, *names: str, may: str = '"all"') -> SignedOperators:
        """Keys for those who have none, and a list of all, which the collector gets."""
        if not (self.folder / "root.key").exists():
            self.served.cli("job", "root", "--out", str(self.folder))
        people = self.folder / "people.toml"
        rows = []
        for name in names:
            if not (self.folder / name).exists():
                self.served.cli("job", "key", "--out", str(self.folder / name))
            rows.append(f'[[operator]]\nname = "{name}"\nkey = "{self.key(name)}"\nmay = [{may}]\n')
        people.write_text("".join(rows))
        self.number += 1
        out = self.folder / f"operators-{self.number}.json"
        root = str(self.folder / "root.key")
        sign = (
            "job",
            "operators",
            str(people),
            "--root",
            root,
            "--number",
            str(self.number),
            "--out",
            str(out),
        )
        self.served.cli(*sign)
        self.served.cli("job", "keep", str(out))
        return SignedOperators.model_validate_json(out.read_bytes())

    def key(self, name: str) -> str:
        return (self.folder / name / "operator.pub").read_text().strip()

    def key_file(self, name: str) -> Path:
        return self.folder / name / "operator.key"

    @property
    def root(self) -> str:
        return (self.folder / "root.pub").read_text().strip()

    def sign(self, name: str, terminal: str, type_: str, *more: str) -> Path:
        out = self.folder / f"job-{secrets.token_hex(6)}.json"
        key = str(self.key_file(name))
        self.served.cli(
            "job", "sign", "--key", key, "--terminal", terminal, "--type", type_, *more, "--out", str(out)
        )
        return out

    def checked(self, offer: Offer) -> OperatorList:
        """The list as a till believes it."""
        assert offer.operators is not None
        job_signing.verify_operators(offer.operators, job_signing.public_key(self.root), clock.now())
        return read_operators(offer.operators)


def staffed(served: Served, folder: Path) -> Office:
    """Of Anna and Jānis. A collector obeys one root: only one office at each."""
    made = Office(served, folder)
    made.make("anna", "janis")
    return made


def fetch(till: Till) -> Offer:
    """As the agent does it."""
    created, nonce = int(clock.now().timestamp()), secrets.token_hex(8)
    headers = signing.sign(till.key, "GET", v1.PATH_JOBS, b"", keyid=till.id, created=created, nonce=nonce)
    answer = till.session.get(till.served.url + v1.PATH_JOBS, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return Offer.model_validate_json(answer.content)


def waiting(till: Till) -> list[str]:
    """What the receipt of an empty report names."""
    answer = till.report()
    assert answer.status_code == 200, answer.text
    found: list[str] = answer.json()["waiting"]
    return found


def result(seq: int, job: str, type_: str = "read_state_now", code: str = "", exit_: int = 0) -> v1.JobResult:
    at = clock.now()
    return v1.JobResult(
        seq=seq,
        at=at,
        job=job,
        type=type_,
        exit=exit_,
        code=code,
        started_at=at,
        duration_s=0.2 if not code else 0.0,
        output="printer: cover_open no" if not code else "",
        evidence={"printer.cover_open": False} if not code else {},
    )

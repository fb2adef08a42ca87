"""Jobs at a running collector: kept as signed, handed out once they may be, cancelled until they are fetched, and ended
by the till's first word."""

import json
from pathlib import Path

import pytest

from collector.core import clock
from protocols.wire import job_signing
from protocols.wire.job import SignedJob
from tests.collector.jobs.people import Office, fetch, result, staffed, waiting
from tests.collector.served import Served, Till

UPDATE = ("--set", "version=1.2.3", "--set", f"sha256={'0' * 64}")


@pytest.fixture(scope="module")
def office(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Office:
    return staffed(served, tmp_path_factory.mktemp("office"))


@pytest.fixture
def till(served: Served) -> Till:
    return served.terminal()


def states(till: Till) -> list[tuple[str, int | None, str]]:
    return till.served.rows(
        "SELECT state, exit, code FROM jobs_job WHERE terminal_id = ? ORDER BY kept_at", till.id
    )


def queue(office: Office, file: Path, *, expect: int = 0) -> str:
    return office.served.cli("job", "queue", str(file), expect=expect)


def test_a_job_goes_to_its_till_as_it_was_signed_and_comes_back_with_a_result(
    office: Office, till: Till
) -> None:
    assert waiting(till) == []
    file = office.sign("anna", till.id, "read_state_now")
    assert "queued" in queue(office, file)
    assert waiting(till) == ["jobs"]
    assert fetch(office.served.terminal()).jobs == (), "another till gets nothing of it"
    offer = fetch(till)
    [signed] = offer.jobs
    assert signed == SignedJob.model_validate_json(file.read_bytes())
    job = job_signing.verify(signed, office.checked(offer), till.id, clock.now())
    assert states(till) == [("fetched", None, "")]
    assert waiting(till) == [], "it was handed out just now"
    assert fetch(till).jobs == ()
    assert till.report(result(1, job.id)).status_code == 200
    assert till.report(result(2, job.id, code="job.replayed", exit_=3)).status_code == 200
    assert states(till) == [("ended", 0, "")]
    steps = till.served.rows("SELECT kind FROM jobs_step WHERE job_id = ? ORDER BY id", job.id)
    assert [kind for (kind,) in steps] == ["signed", "fetched", "ended", "told_again"]


def test_a_result_of_another_till_changes_nothing(office: Office, till: Till) -> None:
    file = office.sign("anna", till.id, "self_test")
    queue(office, file)
    job = json.loads(json.loads(file.read_text())["text"])["id"]
    other = office.served.terminal()
    assert other.report(result(1, job)).status_code == 200
    assert states(till) == [("queued", None, "")]


def test_what_needs_two_waits_for_the_second(office: Office, till: Till) -> None:
    first = office.sign("anna", till.id, "update", *UPDATE)
    assert "signing" in queue(office, first)
    assert waiting(till) == []
    assert fetch(till).jobs == ()


def test_two_signatures_in_a_file_are_enough(office: Office, till: Till, tmp_path: Path) -> None:
    first = office.sign("anna", till.id, "update", *UPDATE)
    both = tmp_path / "both.json"
    key = str(office.key_file("janis"))
    office.served.cli("job", "sign", "--key", key, "--second", str(first), "--out", str(both))
    assert "queued" in queue(office, both)
    offer = fetch(till)
    job = job_signing.verify(offer.jobs[0], office.checked(offer), till.id, clock.now())
    assert job.type == "update"


def test_an_expired_job_is_not_handed_out(office: Office, till: Till) -> None:
    queue(office, office.sign("anna", till.id, "read_state_now"))
    past = "2020-01-01 00:00:00+00:00" if office.served.database else "2020-01-01 00:00:00"
    office.served.rows("UPDATE jobs_job SET expires = ? WHERE terminal_id = ? RETURNING id", past, till.id)
    assert waiting(till) == []
    assert fetch(till).jobs == ()


def test_a_job_whose_answer_was_lost_is_handed_out_again(office: Office, till: Till) -> None:
    queue(office, office.sign("anna", till.id, "read_state_now"))
    [first] = fetch(till).jobs
    past = "2020-01-01 00:00:00+00:00" if office.served.database else "2020-01-01 00:00:00"
    office.served.rows("UPDATE jobs_job SET offered_at = ? WHERE terminal_id = ? RETURNING id", past, till.id)
    assert waiting(till) == ["jobs"]
    assert fetch(till).jobs == (first,)


def test_what_no_till_would_do_is_told_at_once(office: Office, till: Till, tmp_path: Path) -> None:
    file = office.sign("anna", till.id, "read_state_now")
    forged = json.loads(file.read_text())
    forged["text"] = forged["text"].replace('"dry_run":false', '"dry_run":true')
    (tmp_path / "forged.json").write_text(json.dumps(forged))
    assert "does not hold" in queue(office, tmp_path / "forged.json", expect=3)
    office.served.cli("job", "key", "--out", str(office.folder / "stranger"))
    assert "no operator" in queue(office, office.sign("stranger", till.id, "read_state_now"), expect=3)
    assert "not known here" in queue(office, office.sign("anna", "nobody", "read_state_now"), expect=3)
    queue(office, file)
    assert "already" in queue(office, file, expect=3)


def test_a_list_goes_only_forward_and_stays_with_its_root(office: Office, tmp_path: Path) -> None:
    old = office.folder / f"operators-{office.number}.json"
    assert "higher number" in office.served.cli("job", "keep", str(old), expect=3)
    stranger = Office(office.served, tmp_path / "stranger", number=90)
    with pytest.raises(AssertionError, match="another root"):
        stranger.make("mallory")
    torn = tmp_path / "torn.json"
    torn.write_text(old.read_text().replace("anna", "anne"))
    assert "does not hold" in office.served.cli("job", "keep", str(torn), expect=3)


def test_keys_are_made_and_used_without_a_collector(tmp_path: Path, office: Office) -> None:
    """No home, no database: what signs runs anywhere. A key that is there is never written over."""
    nowhere = ("--home", str(tmp_path / "nowhere"))
    office.served.cli(*nowhere, "job", "key", "--out", str(tmp_path), "--passphrase-stdin", stdin="kafija\n")
    assert not (tmp_path / "nowhere").exists()
    assert (tmp_path / "operator.key").stat().st_mode & 0o777 == 0o600
    assert "is there already" in office.served.cli(*nowhere, "job", "key", "--out", str(tmp_path), expect=2)
    sign = ("job", "sign", "--key", str(tmp_path / "operator.key"), "--terminal", "t", "--type", "self_test")
    out = ("--out", str(tmp_path / "job.json"))
    assert "locked" in office.served.cli(*nowhere, *sign, *out, expect=2)
    office.served.cli(*nowhere, *sign, *out, "--passphrase-stdin", stdin="kafija\n")
    wrong = ("--set", "command=reboot")
    assert "no parameter" in office.served.cli(
        *nowhere, *sign, *out, *wrong, "--passphrase-stdin", stdin="kafija\n", expect=2
    )


def test_a_list_that_has_run_out_takes_no_new_job(own: Served, tmp_path: Path) -> None:
    office = Office(own, tmp_path / "office")
    office.make("anna")
    till = own.terminal()
    late = office.sign("anna", till.id, "self_test")
    [(text,)] = own.rows("SELECT text FROM jobs_operators")
    expires = json.loads(text)["expires"]
    past = text.replace(f'"expires":"{expires}"', '"expires":"2020-01-01T00:00:00Z"')
    own.rows("UPDATE jobs_operators SET text = ? RETURNING id", past)
    assert "has expired" in queue(office, late, expect=3)
    own.rows("UPDATE jobs_operators SET text = ? RETURNING id", text)
    assert "queued" in queue(office, late)

"""The agent is killed in the middle of a job: what was begun is told as broken off, and is never begun again."""

import subprocess
import sys
from pathlib import Path
from threading import Event

from agent.jobs import agent_command, child
from agent.jobs.work import Context, Outcome
from protocols.wire.job import Part, Type
from tests.agent.jobs.till import Workplace
from tests.office import Office

SLEEP = "from threading import Event; Event().wait(600)"


def killed_while_it_works(folder: Path, office: Office, offer: Path) -> None:
    command = [sys.executable, "-m", "tests.agent.jobs.victim", str(folder), office.root_key, str(offer)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        assert [victim.stdout.readline(), victim.stdout.readline()] == ["ready\n", "begun\n"]
        victim.kill()


def test_a_killed_job_is_told_as_broken_off_and_never_done_again(tmp_path: Path) -> None:
    office, offer = Office(), tmp_path / "offer.json"
    offer.write_bytes(office.offer(office.signed(office.job())))
    killed_while_it_works(tmp_path, office, offer)
    place = Workplace(tmp_path, office)
    try:
        [told] = place.results()
        assert (told.code, told.exit, told.type) == ("job.broken_off", 1, "read_state_now")
        for _ in range(3):
            [again] = place.take(offer.read_bytes())
            assert again.code == "job.replayed"
            place.again()
        codes = [one.code for one in place.results()]
        assert codes.count("job.broken_off") == 1, "it is told once, however often the agent starts"
        assert place.counted.done == []
        assert (tmp_path / "done").read_text() == "done\n"
        place.take(office.offer(office.signed(office.job())))
        assert len(place.counted.done) == 1, "the control: another job is done"
    finally:
        place.spool.close()


def test_a_memory_that_was_lost_believes_nothing_that_was_signed_before(tmp_path: Path) -> None:
    office = Office()
    offer = office.offer(office.signed(office.job(not_before="2026-11-25T11:59:30Z")))
    (tmp_path / "lost").mkdir()
    place = Workplace(tmp_path / "lost", office)
    [told] = place.take(offer)
    assert (told.code, place.counted.done) == ("job.before_memory", [])
    place.spool.close()
    (tmp_path / "kept").mkdir()
    kept = Workplace(tmp_path / "kept", office, born_s=-60)
    kept.take(offer)
    assert len(kept.counted.done) == 1, "the control: a memory that goes back further does it"
    kept.spool.close()


def test_a_job_that_is_stopped_with_the_agent_ends_in_time(tmp_path: Path) -> None:
    """A child of the job goes with it."""
    office = Office()
    place = Workplace(tmp_path, office, works={Type.SELF_TEST: Sleeper()})
    place.runner.take(office.offer(office.signed(office.job({"type": "self_test"}))))
    Sleeper.begun.wait(30)
    place.runner.stop(30)
    [told] = place.results()
    assert (told.code, told.exit) == ("job.stopped", 1)
    assert "the agent stops" in told.output
    place.spool.close()


class Sleeper:
    begun = Event()

    def describe(self, parameters: Part) -> str:
        return "sleep"

    def dry_run(self, context: Context[Part]) -> Outcome:
        raise AssertionError(context)

    def run(self, context: Context[Part]) -> Outcome:
        self.begun.set()
        return agent_command.outcome(
            child.run([sys.executable, "-c", SLEEP], context.clock, context.stop, 60)
        )

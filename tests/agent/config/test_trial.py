"""What becomes of a wish: tried, kept, refused, and when it is tried again."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent.config import kept, trial
from agent.config.kept import Kept, Refused, Trial
from agent.config.trial import Standing
from agent.runtime.clock import SystemClock
from protocols.wire import v1
from protocols.wire.desired import digest_of

NOW = SystemClock().now()
LOCAL: dict[str, Any] = {"collector": {"url": "https://collector.example"}, "host": {"sample_s": 60}}


def wish(number: int, seconds: float = 0, **changed: object) -> v1.Desired:
    tables: Any = {"host": {"sample_s": seconds or number}}
    given = {"terminal": "t1", "number": number, "digest": digest_of(tables), "tables": tables}
    return v1.Desired.model_validate({**given, **changed})


GOOD, NEW = wish(10), wish(11)
BAD = wish(12, 99_999)
FORGED = wish(13, digest="0" * 64)


def running(number: int = 10) -> Standing:
    return trial.begin(Kept(good=wish(number)), LOCAL)


def sample_s(standing: Standing) -> float:
    return standing.laid.config.host.sample_s if standing.laid else 60.0


def said(standing: Standing) -> tuple[object, ...]:
    message = trial.report(standing, NOW)
    return (message.number, message.outcome, message.holds, message.code) if message else ()


def test_without_a_wish_the_till_goes_by_its_own_file() -> None:
    standing = trial.begin(Kept(), LOCAL)
    assert (standing.laid, said(standing)) == (None, (0, "applied", 0, ""))


def test_a_good_one_is_tried_in_a_run_of_its_own_and_then_kept() -> None:
    judged = trial.judge(running(), NEW, LOCAL)
    assert (judged.anew, sample_s(judged), said(judged)) == (True, 10, ())
    assert judged.kept == Kept(good=GOOD, trial=Trial(wished=NEW))
    begun = trial.begin(judged.kept, LOCAL)
    assert (begun.anew, sample_s(begun), begun.kept.trial) == (False, 11, Trial(wished=NEW, starts=1))
    up = trial.stayed_up(begun)
    assert (up.kept, said(up)) == (Kept(good=NEW), (11, "applied", 11, ""))


@pytest.mark.parametrize(("wished", "code"), [(BAD, "config.invalid"), (FORGED, "config.digest")])
def test_a_bad_one_is_refused_and_the_last_good_one_stays(wished: v1.Desired, code: str) -> None:
    judged = trial.judge(running(), wished, LOCAL)
    assert (judged.anew, sample_s(judged)) == (False, 10)
    assert said(judged) == (wished.number, "refused", 10, code)
    again = trial.begin(judged.kept, LOCAL)
    assert (sample_s(again), said(again)) == (10, (wished.number, "refused", 10, code))


def test_one_that_does_not_start_twice_is_refused_for_good() -> None:
    standing = trial.judge(running(), NEW, LOCAL)
    for starts in (1, 2):
        standing = trial.begin(standing.kept, LOCAL)
        assert standing.kept.trial == Trial(wished=NEW, starts=starts)
    for _ in range(3):
        standing = trial.begin(standing.kept, LOCAL)
        assert (sample_s(standing), said(standing)) == (10, (11, "refused", 10, trial.NOT_UP))
    assert trial.judge(standing, NEW, LOCAL) == standing, "nor is it taken when it is offered again"
    assert said(trial.judge(standing, wish(14, 10), LOCAL)) == (14, "applied", 14, "")


def test_a_clean_end_says_nothing_against_it() -> None:
    standing = trial.judge(running(), NEW, LOCAL)
    for _ in range(5):
        standing = trial.begin(standing.kept, LOCAL)
        assert standing.kept.trial == Trial(wished=NEW, starts=1)
        standing = Standing(trial.ended(standing.kept))


def test_what_changes_nothing_needs_no_other_run() -> None:
    judged = trial.judge(running(), wish(14, 10), LOCAL)
    assert (judged.anew, judged.kept) == (False, Kept(good=wish(14, 10)))
    other = wish(15, 10, tables={"host": {"sample_s": 10, "clock_drift_s": 60}})
    other = other.model_copy(update={"digest": digest_of({"host": {"sample_s": 10, "clock_drift_s": 60}})})
    same = trial.judge(judged, other, LOCAL)
    assert (same.anew, said(same)) == (False, (15, "applied", 15, ""))


def test_a_changed_file_of_the_till_calls_a_refused_one_back() -> None:
    wished = wish(12, tables={"backup": [{"name": "pos", "at": "03:30", "every": "1d"}]})
    wished = wished.model_copy(update={"digest": digest_of(wished.tables)})  # type: ignore[arg-type]
    plan = {"name": "pos", "engine": "sqlite", "source": "/p", "recovery_key": "/k", "every": "6h"}
    local = {**LOCAL, "backup": [plan]}
    refused = trial.judge(trial.begin(Kept(), local), wished, local)
    assert said(refused) == (12, "refused", 0, "config.invalid")
    held = {**local, "agent": {"local": ["backup"]}}
    begun = trial.begin(refused.kept, held)
    assert begun.kept.trial == Trial(wished=wished, starts=1)
    assert said(trial.stayed_up(begun)) == (12, "local", 12, "")


def test_a_changed_file_that_the_last_good_one_does_not_fit() -> None:
    """The till goes by its own file, and by the wish again when that fits again."""
    wished = wish(10, tables={"device": [{"id": "bar", "family": "escpos", "port": "/dev/ttyS5"}]})
    wished = wished.model_copy(update={"digest": digest_of(wished.tables)})  # type: ignore[arg-type]
    listed = {**LOCAL, "discovery": {"ports": ["/dev/ttyS5"]}}
    assert said(trial.begin(Kept(good=wished), listed)) == (10, "applied", 10, "")
    alone = trial.begin(Kept(good=wished), LOCAL)
    assert (alone.laid, said(alone)) == (None, (10, "refused", 0, "config.wall"))
    back = trial.begin(alone.kept, listed)
    assert said(trial.stayed_up(back)) == (10, "applied", 10, "")


def test_differences_beyond_the_limit_are_counted() -> None:
    rows = [{"id": f"d{i}", "poll_s": 5, "slow_s": 50} for i in range(60)]
    wished = wish(10, tables={"device": rows})
    wished = wished.model_copy(update={"digest": digest_of(wished.tables)})  # type: ignore[arg-type]
    message = trial.report(trial.begin(Kept(good=wished), LOCAL), NOW)
    assert message is not None
    assert (len(message.differs), message.left_off) == (100, 20)


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    refused = Refused(wished=BAD, code="config.invalid", key="host.sample_s", error="no")
    found = Kept(good=GOOD, refused=refused)
    kept.write(tmp_path, found)
    assert kept.read(tmp_path) == found
    assert sys.platform == "win32" or (tmp_path / kept.FILE).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [kept.FILE]


@pytest.mark.parametrize("content", [b"", b"{", b"null", b'{"good": 5}', b"\x00" * 100])
def test_a_damaged_file_is_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / kept.FILE).write_bytes(content)
    assert kept.read(tmp_path) == Kept()


class Life(RuleBasedStateMachine):
    """Any order of wishes, crashes and clean ends: the till always runs by its own file, or by a wish that it took."""

    @initialize()
    def start(self) -> None:
        self.standing = trial.begin(Kept(), LOCAL)

    @rule(number=st.integers(1, 6), seconds=st.sampled_from([5.0, 7.0, 9.0, 99_999.0]))
    def wished(self, number: int, seconds: float) -> None:
        if not self.standing.kept.trial:
            self._go(lambda standing: trial.judge(standing, wish(number, seconds), LOCAL))

    @rule()
    def crash(self) -> None:
        self._go(lambda standing: trial.begin(standing.kept, LOCAL))

    @rule()
    def end(self) -> None:
        self._go(lambda standing: trial.begin(trial.ended(standing.kept), LOCAL))

    @rule()
    def stay_up(self) -> None:
        if not self.standing.anew:
            self._go(trial.stayed_up)

    def _go(self, step: Callable[[Standing], Standing]) -> None:
        self.standing = step(self.standing)

    @invariant()
    def holds(self) -> None:
        standing = self.standing
        assert sample_s(standing) in (60, 5, 7, 9)
        assert standing.kept.trial is None or standing.kept.trial.starts <= kept.STARTS
        assert standing.kept.good is None or standing.kept.good.tables["host"] != {"sample_s": 99_999.0}
        if standing.holds and not standing.kept.trial:
            assert standing.kept.good is not None
            assert standing.kept.good.number == standing.holds


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)

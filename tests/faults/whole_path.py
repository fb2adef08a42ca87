"""The whole path of a message, against a small model: the real spool, the real sender and the real store of the
collector, with everything between them that can go wrong. One process, no thread, no network; time and chance are
Hypothesis's.

python -m tests.faults.whole_path --sequences 10000 [--seed N] [--without DEFENCE]
Prints one JSON line. Ends with 0 when every sequence held, with 1 and the shortest broken one when one did not.
`--without` takes a defence away: the control, which must end with 1."""

import argparse
import json
import logging
import os
import shutil
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from agent.spool import Caps, Spool, SpoolError, SpoolFull
from agent.uplink.client import Forked, Gap
from agent.uplink.sender import Sender
from protocols.errors import CollectorUnreachable, ReportRefused
from protocols.wire import chain, v1
from tests.collector import template

TERMINAL = "11111111-2222-3333-4444-555555555555"
SUBJECT = v1.Subject(kind=v1.SubjectKind.TERMINAL)
STEPS = 30
BATCH = 100
OWN = ("agent.spool_renewed", "agent.gap", "agent.message_quarantined")
"""Facts that the spool puts by itself."""
TOLD_APART = 3


class Crashed(BaseException):
    """The process is gone at this very step."""


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.steady = 0.0

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def monotonic(self) -> float:
        self.steady += 0.001
        return self.steady

    def wait(self, event: Event, _timeout_s: float) -> bool:
        return event.is_set()


class Fragile:
    """A database connection that breaks down at the n-th statement from now."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.left = -1

    def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
        if self.left == 0:
            raise Crashed
        self.left -= self.left > 0
        return self._db.execute(sql, *more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


class Collector:
    """The collector's own parsing and store on a database of its own."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.backups: list[bytes] = []
        self.crash_in = -1
        self.at = datetime(2026, 11, 22, 12, tzinfo=UTC)
        """Its clock, for sessions."""
        self._open()

    def take(self, body: bytes) -> v1.Receipt:
        from collector.core import clock  # noqa: PLC0415 - Django is set up by then
        from collector.ingest import writer  # noqa: PLC0415
        from collector.ingest.parsing import parse  # noqa: PLC0415
        from collector.ingest.problem import Refused  # noqa: PLC0415

        self._check_session(body)
        delivery = writer.Delivery(parse(body, TERMINAL), clock.now(), len(body), None)  # type: ignore[arg-type]
        with self._crashing():
            [outcome] = writer._commit([delivery])
        if isinstance(outcome, Refused):
            raise self._refusal(outcome.code, outcome.complete_to)
        return outcome

    def _check_session(self, body: bytes) -> None:
        """As the door does."""
        from collector.ingest import clones  # noqa: PLC0415
        from collector.ingest.sessions import Verdict  # noqa: PLC0415

        self.at += timedelta(seconds=1)
        report = v1.Report.model_validate_json(body)
        [(session, quarantined_at)] = self.rows("SELECT session, quarantined_at FROM inventory_terminal")
        if report.session == session and not quarantined_at:
            return
        verdict = clones._heard(report, "", self.at)
        if verdict is Verdict.CLONE:
            raise ReportRefused("two speak with one key", code="terminal.quarantined")

    @staticmethod
    def _terminal() -> Any:
        from collector.inventory.models import Terminal  # noqa: PLC0415

        return Terminal.objects.get(pk=TERMINAL)

    def is_quarantined(self) -> bool:
        return self._terminal().quarantined_at is not None

    def settle(self, session: str) -> None:
        """A person has said which one is the till, and that one has a new key."""
        from django.db import transaction  # noqa: PLC0415

        from collector.ingest import clones  # noqa: PLC0415

        with transaction.atomic():
            terminal = self._terminal()
            clones.settled(terminal, session, self.at)
            terminal.save()

    @staticmethod
    def _refusal(code: str, complete_to: int | None) -> ReportRefused:
        if code == Forked.code:
            return Forked(code, complete_to or 0)
        if complete_to is not None:
            return Gap(code, complete_to, code=code)
        return ReportRefused(code, code=code)

    @contextmanager
    def _crashing(self) -> Iterator[None]:
        from django.db import connection  # noqa: PLC0415

        def count(execute: Callable[..., Any], *arguments: Any) -> Any:
            if self.crash_in == 0:
                raise Crashed
            self.crash_in -= self.crash_in > 0
            return execute(*arguments)

        try:
            with connection.execute_wrapper(count):
                yield
        except Crashed:
            connection.close()
            raise CollectorUnreachable("it crashed", code="uplink.unreachable") from None
        finally:
            self.crash_in = -1

    def back_up(self) -> None:
        self._close()
        self.backups.append(self.file.read_bytes())
        self._open()

    def put_back(self, which: int) -> None:
        self._close()
        self.file.write_bytes(self.backups[which])
        self._open()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        from django.db import connection  # noqa: PLC0415

        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def _open(self) -> None:
        from django.db import connection  # noqa: PLC0415

        connection.close()
        connection.settings_dict["NAME"] = str(self.file)

    def _close(self) -> None:
        from django.db import connection  # noqa: PLC0415

        connection.close()
        for side in ("-wal", "-shm"):
            self.file.with_name(self.file.name + side).unlink(missing_ok=True)

    close = _close


class Line:
    """Between agent and collector. `plan`: what happens to the next reports."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.plan: list[str] = []
        self.late: list[bytes] = []

    def report(self, body: bytes) -> v1.Receipt:
        fate = self.plan.pop(0) if self.plan else "through"
        if fate == "lost":
            raise CollectorUnreachable("lost on the way there", code="uplink.unreachable")
        if fate == "late":
            self.late.append(body)
            raise CollectorUnreachable("too slow", code="uplink.unreachable")
        if fate == "twice":
            self.collector.take(body)
        receipt = self.collector.take(body)
        if fate == "answer lost":
            raise CollectorUnreachable("lost on the way back", code="uplink.unreachable")
        return receipt

    def deliver_late(self) -> None:
        while self.late:
            with suppress(CollectorUnreachable, ReportRefused):
                self.collector.take(self.late.pop(0))


class Till:
    """The agent's side: a spool on a file, and a sender."""

    def __init__(self, folder: Path, clock: Clock, line: Line) -> None:
        self.file = folder / "spool.db"
        self.clock, self.line = clock, line
        self.images: list[dict[str, bytes]] = []
        self.runs = 0
        self.start()

    def start(self) -> None:
        self.spool = Spool(self.file, self.clock, owner=True, limits=Caps(keep=timedelta(days=3000)))
        self.runs += 1
        self.session = f"{self.file.parent.name}-{self.runs}"
        self.fragile = Fragile(self.spool._db)
        self.spool._db = self.fragile  # type: ignore[assignment]
        self.address_changes()

    def address_changes(self) -> None:
        """A new sender on what is there."""
        self.sender = Sender(
            self.spool,
            self.line,
            TERMINAL,
            self.clock,
            report_s=10,
            chance=lambda: 0.0,
            session=self.session,
        )

    def die(self, torn: bytes = b"") -> None:
        """Without a word; `torn`: the last thing that the disk wrote half of."""
        db = self.fragile._db
        if db.in_transaction:
            db.rollback()
        files = self._files()
        db.close()
        self._put(files)
        if torn:
            with self.file.with_name("spool.db-wal").open("ab") as wal:
                wal.write(torn)
        self.start()

    def clone(self, folder: Path) -> "Till":
        """Another computer with a copy of this disk, as it lies there while the agent runs."""
        folder.mkdir()
        for name, content in self._files().items():
            (folder / name).write_bytes(content)
        return Till(folder, self.clock, self.line)

    def take_image(self) -> None:
        self.images.append(self._files())

    def put_image_back(self, which: int) -> None:
        self.fragile._db.close()
        self._put(self.images[which])
        self.start()

    def _files(self) -> dict[str, bytes]:
        names = ("spool.db", "spool.db-wal")
        found = {name: self.file.with_name(name) for name in names}
        return {name: file.read_bytes() for name, file in found.items() if file.exists()}

    def _put(self, files: dict[str, bytes]) -> None:
        for name in ("spool.db", "spool.db-wal", "spool.db-shm"):
            self.file.with_name(name).unlink(missing_ok=True)
        for name, content in files.items():
            self.file.with_name(name).write_bytes(content)

    def here(self) -> set[str]:
        """What is on this disk, waiting or kept."""
        rows = [
            *self.spool._db.execute("SELECT body FROM ordered"),
            *self.spool._db.execute("SELECT body FROM loose"),
        ]
        return {name for name in (name_of(json.loads(body)) for (body,) in rows) if name}


def name_of(message: dict[str, Any]) -> str:
    """The mark of a message of the test; "" of another."""
    if message["kind"] == "fact":
        return "" if message["name"] in OWN else str(message["name"])
    return str(message["reason"]) if message["kind"] == "state" else f"s{message['values']['mark']:.0f}"


class WholePath(RuleBasedStateMachine):
    """What still exists anywhere arrives exactly once; the ordered lane in order; of states the newest counts."""

    template: Path
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.temporary = TemporaryDirectory(dir=self.folder)
        here = Path(self.temporary.name)
        shutil.copyfile(self.template, here / "collector.sqlite3")
        self.collector = Collector(here / "collector.sqlite3")
        self.clock = Clock()
        self.line = Line(self.collector)
        self.till = Till(here, self.clock, self.line)
        self.count = 0
        self.put: dict[str, None] = {}  # names in the order of their puts
        self.maybe: set[str] = set()  # a crash came in the middle of their put
        self.gone: set[str] = set()  # that no disk holds any more
        self.put_back = self.set_back = False  # the till's disk, its clock
        self.clones = 0

    @initialize()
    def backups_from_the_first_day(self) -> None:
        self.collector.back_up()
        self.till.take_image()

    @rule(kinds=st.lists(st.sampled_from("ffssp"), min_size=1, max_size=4), crash=st.integers(-1, 12))
    def append(self, kinds: list[str], crash: int) -> None:
        messages = [made for made in map(self._message, kinds) if made]
        names = [name_of(message.model_dump(mode="json")) for message in messages]
        self.till.fragile.left = crash
        try:
            self.till.spool.put_all(messages)
            self.put |= dict.fromkeys(names)
        except Crashed:
            self.maybe |= set(names)
            self.till.die()
        finally:
            self.till.fragile.left = -1

    @rule(fates=st.lists(st.sampled_from(["through", "lost", "answer lost", "twice", "late"]), max_size=3))
    def turn(self, fates: list[str]) -> None:
        self.line.plan = fates
        for _ in range(max(len(fates), 1)):
            self._turn()
        self.line.plan = []

    @rule(crash=st.integers(0, 25))
    def agent_crashes_while_it_sends(self, crash: int) -> None:
        self.till.fragile.left = crash
        try:
            self._turn()
        except Crashed:
            self.till.die()
        finally:
            self.till.fragile.left = -1

    @rule(crash=st.integers(0, 30))
    def collector_crashes_while_it_stores(self, crash: int) -> None:
        self.collector.crash_in = crash
        self._turn()
        self.collector.crash_in = -1

    @rule(torn=st.binary(min_size=1, max_size=9000))
    def power_cut(self, torn: bytes) -> None:
        self.till.die(torn)

    @rule()
    def disk_is_full(self) -> None:
        db = self.till.spool._db
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count={pages}")
        names = [f"n{self.count + i}" for i in range(60)]
        self.count += len(names)
        try:
            self.till.spool.put_all([self._fact(name, "x" * 300) for name in names])
            self.put |= dict.fromkeys(names)
        except SpoolFull:
            pass
        finally:
            db.execute("PRAGMA max_page_count=1000000")
        self._forget_what_gave_way()

    @rule(days=st.integers(-800, 800))
    def clock_jumps(self, days: int) -> None:
        self.set_back |= days < 0
        with suppress(OverflowError):
            self.clock.at += timedelta(days=days)
        if not 1990 < self.clock.at.year < 2100:
            self.clock.at, self.set_back = datetime(1990, 1, 1, tzinfo=UTC), True

    @rule()
    def late_reports_arrive(self) -> None:
        self.line.deliver_late()

    @rule()
    def the_address_changes(self) -> None:
        self.till.address_changes()

    @rule()
    def the_agent_restarts(self) -> None:
        self.till.die()

    @rule()
    def back_up_the_collector(self) -> None:
        self.collector.back_up()

    @rule(data=st.data())
    def put_the_collector_back(self, data: st.DataObject) -> None:
        self.line.deliver_late()  # a report is late by seconds, not by days
        which = data.draw(st.integers(0, len(self.collector.backups) - 1))
        self.collector.put_back(which)
        self._note_what_is_gone()

    @rule()
    def image_the_disk(self) -> None:
        self.till.take_image()

    @rule(data=st.data())
    def put_the_disk_back(self, data: st.DataObject) -> None:
        self.line.deliver_late()
        which = data.draw(st.integers(0, len(self.till.images) - 1))
        self.put_back = True
        self.till.put_image_back(which)
        self._note_what_is_gone()

    @rule(kinds=st.lists(st.sampled_from("fsp"), min_size=1, max_size=3), turns=st.integers(1, 5))
    def a_clone_speaks(self, kinds: list[str], turns: int) -> None:
        """In turn with the till, minutes apart. They are told apart in the third round at the latest; then a person
        says which one is the till. What only the clone had may have come."""
        self.line.deliver_late()
        self.clones += 1
        clone = self.till.clone(self.till.file.parent / f"clone{self.clones}")
        messages = [made for made in map(self._message, kinds) if made]
        self.maybe |= {name_of(message.model_dump(mode="json")) for message in messages}
        clone.spool.put_all(messages)
        self._turn()
        for _ in range(turns):
            for sender in (clone.sender, self.till.sender):
                self.collector.at += timedelta(minutes=5)
                with suppress(SpoolError):
                    sender.turn()
        clone.fragile._db.close()
        assert turns < TOLD_APART or self.collector.is_quarantined(), (
            "two speak with one key, and nobody noticed"
        )
        self.collector.settle(self.till.session)

    def teardown(self) -> None:
        try:
            self.line.plan = []
            self.line.deliver_late()
            idle = 0
            for _ in range(
                80
            ):  # the last report holds nothing: its receipt tells whether something is missing there
                idle = 0 if self.till.spool.pending().messages else idle + 1
                self._turn()
                if idle > 1 and not self.till.spool.pending().messages and not self.till.sender.failing:
                    break
            self._check()
        finally:
            self.till.fragile._db.close()
            self.collector.close()
            self.temporary.cleanup()

    def _turn(self) -> None:
        with suppress(SpoolError):
            self.till.sender.turn()

    def _message(self, kind: str) -> v1.AnyMessage | None:
        self.count += 1
        if kind == "f":
            return self._fact(f"n{self.count}")
        if kind == "s":
            values = {"mark": float(self.count)}
            return v1.Sample(seq=1, at=self.clock.now(), subject=SUBJECT, values=values)
        if kind == "p":
            return v1.State(
                seq=1, at=self.clock.now(), device="p", contact=v1.Contact.OK, reason=f"p{self.count}"
            )
        return None

    def _fact(self, name: str, more: str = "") -> v1.Fact:
        return v1.Fact(seq=1, at=self.clock.now(), subject=SUBJECT, name=name, detail={"more": more})

    def _note_what_is_gone(self) -> None:
        """A disk or a database was put back: what is on neither of them is gone, and no software brings it back. What
        waits with another number than before is here all the same."""
        exists = self.till.here() | set(self._arrived())
        self.gone |= {name for name in self.put if name not in exists}

    def _forget_what_gave_way(self) -> None:
        """States and figures give way on a full disk; the facts about gaps are counted at the end."""
        exists = self.till.here() | set(self._arrived())
        self.gone |= {name for name in self.put if name not in exists and name[0] in "sp"}

    def _arrived(self) -> list[str]:
        """In the order in which they were stored."""
        rows = self.collector.rows("SELECT body FROM ingest_message ORDER BY id")
        return [name for name in (name_of(json.loads(body)) for (body,) in rows) if name]

    def _check(self) -> None:
        arrived = Counter(self._arrived())
        doubled = [name for name, times in arrived.items() if times > 1]
        assert not doubled, f"doubled: {doubled}"
        lost = [name for name in self.put if name not in arrived and name not in self.gone]
        assert not lost, f"lost: {lost}"
        unknown = [name for name in arrived if name not in self.put and name not in self.maybe]
        assert not unknown, f"from nowhere: {unknown}"
        self._check_order()
        self._check_newest_state(arrived)
        self._check_chain()

    def _check_order(self) -> None:
        """Within an epoch by number, and that is the order of the puts."""
        place = {name: i for i, name in enumerate(self.put)}
        rows = self.collector.rows(
            "SELECT m.epoch, m.body FROM ingest_message m JOIN ingest_stream s"
            " ON s.terminal_id = m.terminal_id AND s.epoch = m.epoch"
            " WHERE s.lane = 'ordered' ORDER BY m.epoch, m.seq"
        )
        names: dict[int, list[int]] = {}
        for epoch, body in rows:
            name = name_of(json.loads(body))
            if name in place:
                names.setdefault(epoch, []).append(place[name])
        for found in names.values():
            assert found == sorted(found), f"out of order: {found}"

    def _check_newest_state(self, arrived: Counter[str]) -> None:
        states = [name for name in arrived if name[0] == "p" and name in self.put]
        if not states or self.gone or self.maybe or (self.put_back and self.set_back):
            return  # where a disk and a clock were put back, nothing tells which of two runs was the later
        newest = max(states, key=lambda name: int(name[1:]))
        assert self.collector.rows("SELECT reason FROM inventory_device") == [(newest,)]

    def _check_chain(self) -> None:
        streams = self.collector.rows(
            "SELECT epoch, complete_to, chain FROM ingest_stream WHERE lane = 'ordered'"
        )
        for epoch, complete_to, told in streams:
            rows = self.collector.rows(
                f"SELECT seq, body, link FROM ingest_message WHERE epoch = {epoch} ORDER BY seq"
            )
            assert [row[0] for row in rows] == list(range(1, complete_to + 1))
            link = chain.start(epoch)
            for _, body, stored in rows:
                link = chain.link(link, chain.canonical(json.loads(body)))
                assert link.hex() == stored
            assert link.hex() == told


def _without(defence: str) -> None:
    """Take one away."""
    from collector.ingest import store  # noqa: PLC0415 - Django is set up by then

    if defence == "keeping":  # the agent lets go of what it has sent, whatever is answered
        from agent.spool import ordered  # noqa: PLC0415

        report, move = Line.report, ordered.move_to

        def eager(self: Line, body: bytes) -> v1.Receipt:
            try:
                return report(self, body)
            except CollectorUnreachable:
                sent = v1.Report.model_validate_json(body)
                last = sent.messages[-1].seq if sent.messages else 0
                return v1.Receipt(
                    epoch=sent.epoch, complete_to=last, server_time=sent.sent_at, lane=sent.lane
                )

        def letting_go(db: sqlite3.Connection, now: Any, complete_to: int) -> None:
            move(db, now, complete_to)
            db.execute("DELETE FROM ordered WHERE seq <= ?", (complete_to,))

        Line.report = eager  # type: ignore[method-assign]
        ordered.move_to = letting_go
    elif defence == "numbers":  # the collector takes every message as new
        fresh = store._insert

        def careless(parsed: Any, which: Any, links: Any, received_at: Any) -> Any:
            from django.db import connection  # noqa: PLC0415

            with connection.cursor() as cursor:
                cursor.execute("UPDATE ingest_message SET epoch = -id WHERE epoch > 0 AND kind != 'fact'")
            return fresh(parsed, which, links, received_at)

        store._insert = careless
    elif defence == "sending again":  # a collector that was put back gets nothing again
        from agent.spool import loose, ordered  # noqa: PLC0415

        move = ordered.move_to
        ordered.move_to = lambda db, now, to: move(db, now, max(to, now.complete_to))
        loose.send_again = lambda _: None
    elif defence == "chain":  # a disk that was put back is not noticed by its links
        store._known_links = lambda _: {}
        link = chain.link
        chain.link = lambda previous, document: link(b"", b"")
    else:
        sys.exit(f"no such defence: {defence}")


def _template(folder: Path) -> Path:
    """A migrated, empty database with one terminal."""
    os.environ["PLOMBA_COLLECTOR_HOME"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "collector.settings"
    import django  # noqa: PLC0415

    django.setup()
    logging.disable(logging.CRITICAL)  # every step of it is a failure that somebody would log
    from django.db import connection  # noqa: PLC0415

    from collector.core import clock  # noqa: PLC0415

    file = folder / "template.sqlite3"
    connection.close()
    connection.settings_dict["NAME"] = str(file)
    shutil.copyfile(template.bare(), file)
    from collector.inventory.enrolment import site_of  # noqa: PLC0415

    site = site_of("SIA Maize", "Centrs")
    site.terminals.create(id=TERMINAL, name="Kase", public_key="A" * 43, enrolled_at=clock.now())
    connection.close()
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


def main() -> int:
    parser = argparse.ArgumentParser(description="The whole path of a message against a model.")
    parser.add_argument("--sequences", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=1e9, help="stop earlier after so long")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--without", default="")
    args = parser.parse_args()
    first = int.from_bytes(os.urandom(4)) if args.seed is None else args.seed
    memory = Path("/dev/shm")  # the model needs no disk, which would be the slowest part
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        WholePath.folder = Path(folder)
        WholePath.template = _template(Path(folder))
        if args.without:
            _without(args.without)
        return _run(args, first)


def _run(args: argparse.Namespace, first: int) -> int:
    began, done = time.perf_counter(), 0
    chosen = settings(
        max_examples=BATCH, stateful_step_count=STEPS, deadline=None, database=None, print_blob=False,
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
        phases=[Phase.generate] if args.without else [Phase.generate, Phase.shrink],
    )  # fmt: skip
    held = True
    while held and done < args.sequences and time.perf_counter() - began < args.seconds:
        try:
            run_state_machine_as_test(seeded(first + done)(WholePath), settings=chosen)
        except AssertionError as e:
            steps = "\n".join(getattr(e, "__notes__", ()))
            print(f"seed {first + done}: {e}\n{steps}", file=sys.stderr)
            held = False
        done += BATCH
    seconds = round(time.perf_counter() - began, 1)
    print(json.dumps({"sequences": done, "seed": first, "without": args.without, "held": held, "s": seconds}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())

"""One report and what follows from it, as the agent does it, in a process that ends itself at the n-th step that
leaves a trace: `python -m tests.agent.uplink.rekeying STATE_DIR SESSION [STEP]`. Exit code 0: the report was taken."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.runtime.clock import SystemClock
from agent.runtime.errands import Errands
from agent.uplink import identity, key_store
from agent.uplink.client import Client
from agent.uplink.connection import Connection, trust_only
from agent.uplink.rekey import INVALID, Rekeying
from agent.uplink.speaker import Speaker
from protocols.errors import ReportRefused
from protocols.wire import v1

KILLED = 9


class Steps:
    """Ends the process before or after the n-th step; 0: never."""

    def __init__(self, last: int) -> None:
        self.last, self.done = last, 0

    def around(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **kwargs: Any) -> Any:
            self._count()
            result = step(*args, **kwargs)
            self._count()
            return result

        return stepped

    def _count(self) -> None:
        self.done += 1
        if self.done == self.last:
            os._exit(KILLED)


def turn(state_dir: Path, session: str) -> bool:
    known = identity.load(state_dir)
    clock = SystemClock()
    client = Client(
        Connection(known.collector, trust_only(known.ca_file.read_text())), known.key, known.terminal, clock
    )
    rekeying = Rekeying(state_dir, known, session)
    errands = Errands(client, {v1.REKEY: rekeying.wanted, INVALID: rekeying.doubted})
    speaker = Speaker(client, v1.Run(hostname=session, boot_at=clock.now()), errands.refused)
    try:
        report = v1.Report(
            terminal=known.terminal, epoch=1, sent_at=clock.now(), session=session, messages=()
        )
        errands.heard(speaker.report(report.model_dump_json(exclude={"run"}).encode()))
    except ReportRefused as e:
        print(e.code)
        return False
    finally:
        client.close()
    return True


def main() -> int:
    state_dir, session, last = Path(sys.argv[1]), sys.argv[2], int((sys.argv[3:] or ["0"])[0])
    steps = Steps(last)
    Connection.request = steps.around(Connection.request)  # type: ignore[method-assign]
    key_store.os.fsync = steps.around(os.fsync)  # type: ignore[attr-defined]
    Path.replace = steps.around(Path.replace)  # type: ignore[method-assign]
    Path.unlink = steps.around(Path.unlink)  # type: ignore[method-assign]
    taken = turn(state_dir, session)
    print(steps.done)
    return 0 if taken else 1


if __name__ == "__main__":
    sys.exit(main())

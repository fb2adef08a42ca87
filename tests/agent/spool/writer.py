"""Puts numbered messages and says each number after `put` returned, until it is killed. The controls, whose losses
the tests must see: with `--early` it says the number inside the transaction, with `--synchronous=NORMAL` or `OFF`
the disk is not asked to be sure at each."""

import os
import sys
from pathlib import Path

from agent.runtime.clock import SystemClock
from agent.spool import Spool, ordered
from protocols.wire import v1

TILL = v1.Subject(kind=v1.SubjectKind.TERMINAL)


def say(number: int) -> None:
    os.write(1, f"{number}\n".encode())


def main(path: Path, first: int, *, early: bool, synchronous: str) -> None:
    clock = SystemClock()
    with Spool(path, clock, owner=True) as spool:
        if synchronous:
            spool._db.execute(f"PRAGMA synchronous={synchronous}")
        number = first
        while True:
            message = v1.Fact(
                seq=1, at=clock.now(), subject=TILL, name=f"n{number}", detail={"number": number}
            )
            if early:
                with spool._transaction() as db:
                    ordered.append(db, [message])
                    say(number)
            else:
                spool.put(message)
                say(number)
            number += 1


if __name__ == "__main__":
    weaker = [argument.removeprefix("--synchronous=") for argument in sys.argv if "=" in argument]
    main(Path(sys.argv[1]), int(sys.argv[2]), early="--early" in sys.argv, synchronous="".join(weaker))

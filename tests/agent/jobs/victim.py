"""A jobs room in a process of its own, to be killed while it works: `victim.py FOLDER ROOT OFFER`. Its one work writes
a line into `done` at its beginning, tells on standard output, and never ends by itself."""

import sys
from pathlib import Path
from threading import Event

from agent.jobs.work import Context, Outcome
from protocols.wire.job import Part, Type
from tests.agent.jobs.till import Workplace
from tests.office import Office


class Endless:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "done"

    def describe(self, parameters: Part) -> str:
        return "never end"

    def dry_run(self, context: Context[Part]) -> Outcome:
        raise AssertionError(context)

    def run(self, context: Context[Part]) -> Outcome:
        with self.file.open("a") as out:
            out.write("done\n")
        print("begun", flush=True)
        Event().wait(60)
        return Outcome()


class Known(Office):
    """The root is the one of the process that kills."""

    root_text = ""

    @property
    def root_key(self) -> str:
        return self.root_text


def main() -> None:
    folder, Known.root_text, offer = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    place = Workplace(folder, Known(), works={Type.READ_STATE_NOW: Endless(folder)})
    print("ready", flush=True)
    place.take(offer.read_bytes())


if __name__ == "__main__":
    main()

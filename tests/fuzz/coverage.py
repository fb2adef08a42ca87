"""The same harness led by coverage: atheris looks for bytes that reach new code of one family.
python -m tests.fuzz.coverage FAMILY SECONDS Starts from the vectors of the family and what was found before. An
input that raises is printed, and belongs in found.json once the fault is mended; ends with 1 then."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["protocols"]):
    import protocols.device.decode  # noqa: F401
    from protocols.device.registry import FAMILIES

from tests.contract.families import CASES
from tests.fuzz.harness import Harness, found

LONGEST_BYTES = 512


def seeds(name: str, folder: Path) -> None:
    """Every vector behind each of the first bytes that decide how it is fed, and what was found once."""
    case = CASES[name]
    raws = [bytes.fromhex(vector["hex"]) for vector in case.vectors]
    for number, raw in enumerate(raws):
        (folder / f"vector-{number}").write_bytes(bytes([number % 256]) + raw)
        (folder / f"whole-{number}").write_bytes(bytes([number % 224 | 32]) + raw)
    for number, entry in enumerate(found()):
        if entry["family"] == name:
            (folder / f"found-{number}").write_bytes(bytes.fromhex(entry["hex"]))


def guarded(name: str) -> Callable[[bytes], None]:
    harness = Harness(CASES[name])

    def feed(data: bytes) -> None:
        try:
            harness.feed(data)
        except Exception as e:
            line = {"fuzz": "coverage", "family": name, "hex": data.hex(), "why": f"{type(e).__name__}: {e}"}
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
            raise

    return feed


def plant(name: str) -> None:
    """For the test of the harness itself: an answer that nothing can read."""
    kind = type(CASES[name].family.codec)

    def parse(*_: object) -> object:
        raise ValueError("planted")

    kind.parse_payload = parse  # type: ignore[attr-defined]


def fuzz(name: str, seconds: str, corpus: Path) -> None:
    """Does not come back: libFuzzer ends the process."""
    seeds(name, corpus)
    if os.environ.get("PLANT"):
        plant(name)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST_BYTES}",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        f"-artifact_prefix={corpus}/",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], guarded(name))
    atheris.Fuzz()


def main() -> int:
    name, *more = sys.argv[1:]
    if name not in FAMILIES:
        sys.stderr.write(f"{name}: known families are {', '.join(FAMILIES)}\n")
        return 2
    seconds = more[0] if more else "60"
    if len(more) > 1:
        fuzz(name, seconds, Path(more[1]))
    with TemporaryDirectory() as corpus:
        command = [sys.executable, "-m", "tests.fuzz.coverage", name, seconds, corpus]
        return int(subprocess.run(command, check=False).returncode != 0)


if __name__ == "__main__":
    sys.exit(main())

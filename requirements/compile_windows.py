"""Pins windows.in with hashes for a 64-bit CPython 3.13 of Windows: pip-compile resolves only for the system that it
runs on. What dev.txt pins too has the same version and one of its hashes."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TARGET = ("--platform", "win_amd64", "--implementation", "cp", "--python-version", "3.13")


def main() -> None:
    pins = dict(_pins((HERE / "dev.txt").read_text("ascii")))
    found = sorted(_resolved(pins), key=lambda item: item["metadata"]["name"].lower())
    (HERE / "windows.txt").write_text("".join(_line(item, pins) for item in found), "ascii")


def _pins(text: str) -> Iterator[tuple[str, tuple[str, set[str]]]]:
    for block in re.split(r"\n(?=\S)", text):
        if match := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", block):
            yield match[1].lower(), (match[2], set(re.findall(r"--hash=sha256:([0-9a-f]{64})", block)))


def _resolved(pins: dict[str, tuple[str, set[str]]]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        limits = Path(folder) / "constraints.txt"
        limits.write_text("".join(f"{name}=={version}\n" for name, (version, _) in pins.items()), "ascii")
        done = subprocess.run(
            [
                sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed",
                "--report", "-", "--target", folder, "--only-binary=:all:", *TARGET,
                "-c", str(limits), "-r", str(HERE / "windows.in"),
            ],
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    installed: list[dict[str, Any]] = json.loads(done.stdout)["install"]
    return installed


def _line(item: dict[str, Any], pins: dict[str, tuple[str, set[str]]]) -> str:
    name, version = item["metadata"]["name"].lower(), item["metadata"]["version"]
    digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
    if name in pins and digest not in pins[name][1]:
        raise SystemExit(f"{name} {version}: its hash is not one of those in dev.txt")
    return f"{name}=={version} \\\n    --hash=sha256:{digest}\n"


if __name__ == "__main__":
    main()

"""Builds the frozen agent for Windows and its installer into dist/windows, and proves both on Wine: installed silently,
the service runs, taken out again. python -m tests.windows.package"""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from tests.windows import installation, wine

OUT = wine.ROOT / "dist" / "windows"
PAYLOAD = OUT / "plomba-agent"
SCRIPT = wine.ROOT / "packaging" / "windows" / "plomba-agent.nsi"
EXAMPLE = wine.ROOT / "config" / "agent.example.toml"
PROGRAMS = wine.PREFIX / "drive_c" / "Program Files" / "Plomba"
DATA = wine.PREFIX / "drive_c" / "ProgramData" / "Plomba"
CONFIG = '[collector]\nurl = "https://127.0.0.1:1"\n'
_LIMIT_S = 900.0


def main() -> int:
    lacks = wine.missing() + ([] if shutil.which("makensis") else ["nsis"])
    if lacks:
        sys.stderr.write(f"package-windows: SKIPPED: this machine has no {', '.join(lacks)}\n")
        return 0
    wine.HOME.mkdir(exist_ok=True)
    installation.make(sys.stdout.write)
    try:
        freeze()
        setup = pack()
        with _awake():
            prove(setup)
    finally:
        wine.end()
    sys.stdout.write(
        f"package-windows: {setup.relative_to(wine.ROOT)}, {setup.stat().st_size / 1e6:.1f} MB\n"
    )
    return 0


def freeze() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    work = wine.HOME / "freeze"
    wine.said(
        ["-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", "--distpath", wine.windows(OUT),
         "--workpath", wine.windows(work), "packaging/plomba-agent.spec"],
        limit_s=_LIMIT_S,
    )  # fmt: skip
    leaked = [path for path in PAYLOAD.rglob("*") if path.name in ("collector", "django", "tests")]
    assert not leaked, leaked


def pack() -> Path:
    setup = OUT / f"plomba-agent-{version('plomba')}-setup.exe"
    names = {"PAYLOAD": PAYLOAD, "EXAMPLE": EXAMPLE, "VERSION": version("plomba"), "OUTFILE": setup}
    given = [f"-D{name}={value}" for name, value in names.items()]
    subprocess.run(["makensis", "-V2", "-WX", *given, str(SCRIPT)], check=True, timeout=_LIMIT_S)
    return setup


def prove(setup: Path) -> None:
    """AssertionError where it does not do what it should."""
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir(parents=True)
    (DATA / "agent.toml").write_text(CONFIG, "ascii")
    assert _run(str(setup), "/S") == (0, "")
    program = str(PROGRAMS / "plomba-agent.exe")
    code, said = _run(program, "service", "status", "--json")
    status = json.loads(said)
    assert (code, status["running"], status["enabled"]) == (0, True, True), said
    assert _run(program, "check")[0] == 0
    assert _run(str(setup), "/S") == (0, ""), "as an update: the older one is stopped and replaced"
    assert json.loads(_run(program, "service", "status", "--json")[1])["running"]
    assert _run(str(PROGRAMS / "uninstall.exe"), "/S")[0] == 0
    _await_gone()
    assert (DATA / "agent.toml").exists(), "the configuration belongs to the till"
    assert not json.loads(wine.said(["-c", _STATUS]))


_STATUS = (
    "import json; from agent.runtime.windows_service import status; print(json.dumps(status().installed))"
)


def _run(program: str, *arguments: str) -> tuple[int, str]:
    lines: list[str] = []
    code = wine.run([wine.windows(Path(program)), *arguments], limit_s=_LIMIT_S, tell=lines.append)
    return code, "".join(lines)


def _await_gone() -> None:
    """The uninstaller goes on in a copy of itself after it has returned."""
    never = threading.Event()
    for _ in range(600):
        if not PROGRAMS.exists():
            return
        never.wait(0.1)
    raise AssertionError(f"left behind: {sorted(path.name for path in PROGRAMS.rglob('*'))[:20]}")


@contextmanager
def _awake() -> Iterator[None]:
    """Wine ends its services with the last program that a person started."""
    command = [
        wine.windows(wine.PYTHON / "python.exe"),
        "-c",
        f"import threading; threading.Event().wait({_LIMIT_S})",
    ]
    with wine.start(command) as holder:
        try:
            yield
        finally:
            holder.kill()


if __name__ == "__main__":
    sys.exit(main())

"""Programs of the system, played by small scripts that stand first in the path: they are a third party's."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Play = Callable[..., Path]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """`play(name, script)` puts a program into a folder that is the whole path but for the shell's own."""
    if sys.platform == "win32":
        pytest.skip("the scripts are of the shell")
    folder = tmp_path / "played"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n", "utf-8")
        path.chmod(0o755)
        return path

    return put

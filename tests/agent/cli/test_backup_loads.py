"""A backup has a bar of memory, and each library that it does not need is a part of it."""

import subprocess
import sys

import pytest

LOADED = """
import sys
from agent.cli import backup
from agent.backup.engines import engine
engine("sqlite")
print(*sys.modules)
"""
OVER_SSH = "from agent.backup.repository import sftp"


def loaded(more: str = "") -> set[str]:
    code = f"{LOADED.replace('print', more + chr(10) + 'print')}"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True).split())


def test_the_command_loads_its_own_engine_alone_and_nothing_of_a_network() -> None:
    found = loaded()
    engines = {name for name in found if name.startswith("agent.backup.engines.")}
    assert engines == {"agent.backup.engines.sqlite", "agent.backup.engines.sqlite_facts"}
    assert not found & {"ssl", "ctypes", "psutil", "subprocess", "urllib3", "paramiko", "invoke"}


def test_over_ssh_the_half_of_the_library_that_reads_ssh_config_stays_away() -> None:
    pytest.importorskip("invoke", reason="then there is nothing to keep away")
    found = loaded(OVER_SSH)
    assert "paramiko" in found
    assert not found & {"invoke", "yaml", "asyncio"}


def test_control_the_library_by_itself_brings_it() -> None:
    pytest.importorskip("invoke", reason="then there is nothing to keep away")
    assert "invoke" in loaded("import paramiko")

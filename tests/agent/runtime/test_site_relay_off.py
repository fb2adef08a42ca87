"""Where nobody wants the relay it costs nothing: none of it is loaded, and no port of it is open."""

import subprocess
import sys
from pathlib import Path

import pytest

LOOK = """
import sys
from pathlib import Path
from threading import Event, enumerate as threads
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from agent.config import load
from agent.runtime.clock import SystemClock
from agent.runtime.service import Service
from agent.uplink import identity
from tests.agent.uplink.authority import Authority
home = Path(sys.argv[1])
who = identity.Identity("t", "https://127.0.0.1:9", identity.ca_file(home, "t"), Ed25519PrivateKey.generate())
identity.save(home, who, Authority().pem)
stop = Event()
service = Service(load(home / "agent.toml"), home / "agent.toml", who, SystemClock(), stop)
stop.set()
service.run()
print(*sorted(name for name in sys.modules if "relay" in name))
"""
TOML = "[agent]\nstate_dir = '{home}'\n[collector]\nurl = \"https://127.0.0.1:9\"\n"


def loaded(home: Path, more: str) -> str:
    (home / "agent.toml").write_text(TOML.format(home=home) + more)
    command = [sys.executable, "-c", LOOK, str(home)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=100).stdout


def test_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    assert loaded(tmp_path, "") == "\n"


@pytest.mark.parametrize("more", ["use = true", 'serve = true\nlisten = "127.0.0.1"\nport = 18447'])
def test_control_where_it_is_wanted_it_is(tmp_path: Path, more: str) -> None:
    assert "agent.uplink.relay_server" in loaded(tmp_path, f"[relay]\n{more}\n")

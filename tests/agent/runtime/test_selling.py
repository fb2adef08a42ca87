"""The whole agent on an emulated fiscal printer: an open receipt keeps heavy work waiting."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.config import load
from agent.runtime.clock import SystemClock
from agent.runtime.service import Service
from agent.uplink.identity import Identity
from tests.agent.devices.bench import Till
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Collector

LONG_S = 60.0
CONFIG = """\
[agent]
state_dir = "{folder}/state"
open_from = "{opens}"
open_to = "{closes}"
[collector]
url = "{url}"
report_s = 1
[[device]]
id = "fiscal"
family = "datecs_isl_legacy"
port = "{port}"
poll_s = 0.5
"""


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    made = Till(tmp_path, "datecs_isl_legacy")
    made.plug_in()
    yield made
    made.unplug()


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    made = Collector(Authority(), tmp_path)
    yield made
    made.close()


def closed_now(folder: Path, collector: Collector, till: Till) -> Path:
    """By its hours: it opened and closed hours ago."""
    now = SystemClock().now().astimezone()
    opens, closes = now - timedelta(hours=6), now - timedelta(hours=3)
    file = folder / "agent.toml"
    hours = {"opens": f"{opens:%H:%M}", "closes": f"{closes:%H:%M}"}
    file.write_text(CONFIG.format(folder=folder, url=collector.url, port=till.port, **hours))
    return file


@pytest.mark.parametrize("selling", [False, True])
def test_a_receipt_that_is_open_is_no_quiet_minute(
    tmp_path: Path, collector: Collector, till: Till, selling: bool
) -> None:
    """Without one, the control, the same till is quiet."""
    if selling:
        till.machine.set_faults({"receipt_open": True})
    config = closed_now(tmp_path, collector, till)
    authority = tmp_path / "ca.pem"
    authority.write_bytes(collector.authority.pem)
    key = Ed25519PrivateKey.generate()
    collector.keys[TERMINAL] = key.public_key()
    who = Identity(
        terminal=TERMINAL, collector=collector.url, ca_file=authority, key=key, name="", site="", customer=""
    )
    stop = threading.Event()
    service = Service(load(config), config, who, SystemClock(), stop)
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        collector.wait_for(lambda: _open(collector) is selling, LONG_S)
        quiet = service._trading.quiet(SystemClock().now().astimezone())
    finally:
        stop.set()
        thread.join(LONG_S)
        service._connection.close()  # which the end of the process does
        service._spool.close()
    assert quiet is not selling


def _open(collector: Collector) -> bool | None:
    """What the collector was told last of the receipt."""
    told = [m["state"].get("receipt_open") for m in list(collector.stored.values()) if m["kind"] == "state"]
    return told[-1] if told else None

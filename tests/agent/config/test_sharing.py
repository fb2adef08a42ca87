"""How a port is shared with the cash program, and which taps are refused before one is begun."""

from pathlib import Path

import pytest

from agent.config import load
from protocols.errors import ConfigError
from tests.agent.config.test_reader import DEVICE, written

TAP = 'sharing = "tap"\ntap_link = "/run/plomba/receipt"\n'


def test_a_port_is_polled_unless_a_tap_is_asked_for(tmp_path: Path) -> None:
    assert load(written(tmp_path, DEVICE)).devices[0].sharing == "poll"
    device = load(written(tmp_path, DEVICE + TAP)).devices[0]
    assert (device.sharing, device.tap_link) == ("tap", "/run/plomba/receipt")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            DEVICE + 'sharing = "tap"\n',
            "device[kitchen]: a tap needs tap_link, the port that the cash program",
        ),
        (DEVICE + TAP.replace("/run/plomba/receipt", "/dev/ttyUSB0"), "a tap needs tap_link"),
        (DEVICE + 'tap_link = "/run/plomba/receipt"\n', 'tap_link means nothing without sharing = "tap"'),
        (DEVICE + TAP.replace("/run/", "run/"), "device[kitchen].tap_link: 'run/plomba/receipt' is no path"),
        (DEVICE + TAP.replace('"tap"', '"both"'), "allowed: 'poll' or 'tap'"),
        (
            DEVICE.replace("/dev/ttyUSB0", "socket://192.0.2.1:9100") + TAP,
            "a tap stands before a serial port, which 'socket://192.0.2.1:9100' is not",
        ),
        (
            DEVICE.replace('"escpos"', '"shtrih_v1"') + TAP,
            "nothing can be heard of family 'shtrih_v1' through a tap; allowed: escpos",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text))
    assert said in str(caught.value)


def test_a_tap_is_for_linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.config.model.sys.platform", "win32")
    with pytest.raises(ConfigError, match='works on Linux only; allowed: sharing = "poll"'):
        load(written(tmp_path, DEVICE + TAP))

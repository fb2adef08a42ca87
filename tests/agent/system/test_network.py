"""Which side of the network is down: the decision by a table, and the asking by real sockets on loopback."""

import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from agent.system import dns, network, reach
from agent.system.line import Line, Reached, decide
from agent.system.network import Network, Targets

POS = frozenset({"pos_server"})


def reached(
    *,
    routed: bool | None = True,
    gateway: bool | None = True,
    dns: bool | None = True,
    collector: bool | None = True,
    pos: bool | None = None,
    near: frozenset[str] = POS,
) -> Reached:
    return Reached(routed, gateway, dns, collector, {"pos_server": pos}, near)


TABLE = [
    (reached(), Line.OK),
    (reached(pos=True), Line.OK),
    (reached(gateway=False), Line.OK),  # a silent router, and all behind it answers
    (reached(gateway=None, dns=None), Line.OK),
    (reached(dns=None, collector=None), Line.UNKNOWN),  # a router alone proves no line
    (reached(pos=False), Line.SERVER_DOWN),
    (reached(dns=None, collector=None, pos=False), Line.SERVER_DOWN),
    (reached(collector=False), Line.COLLECTOR_DOWN),
    (reached(collector=False, pos=False), Line.COLLECTOR_DOWN),
    (reached(dns=False), Line.DNS_DOWN),
    (reached(dns=False, collector=False, pos=True, near=frozenset()), Line.DNS_DOWN),
    (reached(dns=False, collector=False), Line.LINE_DOWN),
    (reached(dns=None, collector=False), Line.LINE_DOWN),
    (reached(dns=False, collector=False, pos=True), Line.LINE_DOWN),
    (reached(gateway=False, dns=False, collector=False, pos=True), Line.LINE_DOWN),
    (reached(gateway=False, dns=False, collector=False, pos=False), Line.LAN_DOWN),
    (reached(gateway=False, dns=False, collector=False), Line.LAN_DOWN),
    (reached(gateway=None, dns=False, collector=False), Line.UNKNOWN),
    (reached(dns=False, collector=None), Line.UNKNOWN),
    (reached(routed=False, gateway=None, dns=False, collector=False), Line.NO_NETWORK),
    (reached(routed=False, gateway=None, dns=None, collector=None), Line.NO_NETWORK),
    (reached(routed=False, gateway=None, dns=False, collector=False, pos=True), Line.LINE_DOWN),
    (reached(routed=None, gateway=None, dns=None, collector=None), Line.UNKNOWN),
]


@pytest.mark.parametrize(("found", "line"), TABLE)
def test_what_is_reached_says_which_side_is_down(found: Reached, line: Line) -> None:
    told, reason = decide(found)
    assert told is line, reason
    assert reason


def test_every_answer_of_the_table_is_one_that_can_come() -> None:
    assert {line for _, line in TABLE} == set(Line)


ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
wlan0\t00000000\tFE01A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


def test_the_way_out_is_the_default_route_of_the_lowest_metric() -> None:
    assert reach.gateway_of(ROUTES) == "192.0.2.1"
    assert reach.gateway_of(ROUTES.replace("\t100\t", "\t700\t")) == "192.168.1.254"
    assert reach.gateway_of("\n".join(ROUTES.splitlines()[:1])) == ""


def test_three_name_servers_count_and_only_as_numbers() -> None:
    text = "# made by hand\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\nnameserver x\nsearch shop\n"
    assert reach.resolvers_of(text) == ("192.0.2.53", "fe80::1")
    assert len(reach.resolvers_of("nameserver 192.0.2.1\n" * 5)) == 3


def test_a_neighbour_is_there_when_its_hardware_address_is_known() -> None:
    table = (
        "IP address HW type Flags HW address Mask Device\n"
        "192.0.2.1 0x1 0x2 02:fc:00:00:00:05 * eth0\n192.0.2.9 0x1 0x0 00:00:00:00:00:00 * eth0\n"
    )
    found = [reach.neighbour_of(table, address) for address in ("192.0.2.1", "192.0.2.9", "192.0.2.7")]
    assert found == [True, False, None]


@contextmanager
def name_server(*replies: bytes) -> Iterator[int]:
    """Answers one question with these datagrams; "??" stands for its number."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(30)

        def serve() -> None:
            question, peer = sock.recvfrom(4096)
            for reply in replies:
                sock.sendto(reply.replace(b"??", question[:2], 1), peer)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield sock.getsockname()[1]
        thread.join(30)


def answer(code: int) -> bytes:
    return b"??" + bytes([0x81, 0x80 | code]) + bytes(8)


@pytest.mark.parametrize(("code", "helps"), [(0, True), (3, True), (2, False), (5, False)])
def test_a_name_server_that_says_it_failed_is_none(code: int, helps: bool) -> None:
    with name_server(answer(code)) as port:
        assert (dns.ask("127.0.0.1", "collector.example", 30, port) is not None) is helps


def test_an_answer_to_another_question_does_not_count() -> None:
    stray = [b"\x00" * 12, b"x", b"??\x01\x00" + bytes(8)]
    with name_server(*stray, answer(0)) as port:
        assert dns.ask("127.0.0.1", "collector.example", 30, port) is not None
    with name_server(*stray) as port:
        assert dns.ask("127.0.0.1", "collector.example", 0.5, port) is None


def test_the_question_is_one_of_rfc_1035() -> None:
    packet = dns.question("kase.veikals.lv.", 0x1234)
    assert struct.unpack_from(">6H", packet) == (0x1234, 0x0100, 1, 0, 0, 0)
    assert packet[12:] == b"\x04kase\x07veikals\x02lv\x00\x00\x01\x00\x01"
    with pytest.raises(ValueError, match="no host name"):
        dns.question("a..b", 1)


def test_a_server_is_reached_when_it_takes_a_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert reach.server("127.0.0.1", port, {}) == (True, True)
        assert reach.server("localhost", port, {})[0] is True
    assert reach.server("127.0.0.1", port, {}) == (False, True)
    assert reach.connects("127.0.0.1", port, refusal_counts=True)


def test_a_name_that_nobody_answers_says_nothing_of_the_server_until_its_address_was_known() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert reach.server("nowhere.invalid", port, {}) == (None, False)
        known: dict[str, object] = {"nowhere.invalid": ("127.0.0.1",)}
        assert reach.server("nowhere.invalid", port, known) == (True, True)  # type: ignore[arg-type]


def test_a_change_is_told_when_it_was_seen_twice() -> None:
    found = [reached(), reached(dns=False, collector=False), reached(), *[reached(collector=False)] * 2]
    looks = iter([(one, 0.002) for one in found])
    probe = Network(Targets(), lambda: True, look=lambda _targets, _heard: next(looks))
    told = [probe.measure() for _ in found]
    lines = [measured.facts["host.network"]["line"] for measured in told]
    assert lines == ["ok", "ok", "ok", "ok", "collector_down"]
    assert told[0].values["network_dns_ms"] == 2.0
    assert told[1].values["network_collector_reached"] == 0.0


def test_the_servers_of_the_configuration_are_asked() -> None:
    targets = network.targets(
        "https://collector.example:8443", {"pos_server": "[::1]:80", "main_terminal": ""}
    )
    assert targets.collector == ("collector.example", 8443)
    assert targets.servers == {"pos_server": ("::1", 80)}


@pytest.mark.skipif(sys.platform == "win32", reason="tests/windows/in_wine_probes.py looks there")
def test_this_computer_is_looked_at_whole() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        targets = network.targets(f"https://127.0.0.1:{port}", {"pos_server": f"127.0.0.1:{port}"})
        found, _took_s = network.look(targets, False)
    assert found.collector is True
    assert found.servers == {"pos_server": True}
    assert found.lan is True

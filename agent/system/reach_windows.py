"""The way out of a Windows computer, from the registry and from iphlpapi.dll."""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

import ctypes
import ipaddress
import winreg

from agent.system.probe import NotKnown
from agent.system.reach import Way
from agent.system.win_registry_windows import subkeys, texts

_INTERFACES = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces"


def way() -> Way:
    """What is set by hand goes before what DHCP told. An interface without an address is not in use."""
    gateways: list[str] = []
    resolvers: list[str] = []
    names = subkeys(winreg.HKEY_LOCAL_MACHINE, _INTERFACES)
    if not names:
        raise NotKnown("Windows lists no network interface")
    for name in names:
        values = texts(winreg.HKEY_LOCAL_MACHINE, rf"{_INTERFACES}\{name}")
        if not _addresses(values.get("IPAddress") or values.get("DhcpIPAddress") or ""):
            continue
        gateways += _addresses(values.get("DefaultGateway") or values.get("DhcpDefaultGateway") or "")
        resolvers += _addresses(values.get("NameServer") or values.get("DhcpNameServer") or "")
    return Way(gateways[0] if gateways else "", tuple(dict.fromkeys(resolvers))[:3])


def neighbour(address: str) -> bool | None:
    """SendARP asks the network for the hardware address; it takes IPv4 only, as a number in network order."""
    try:
        number = int.from_bytes(ipaddress.IPv4Address(address).packed, "little")
    except ValueError:
        return None
    hardware = ctypes.create_string_buffer(8)
    length = ctypes.c_ulong(8)
    failed = ctypes.windll.iphlpapi.SendARP(number, 0, hardware, ctypes.byref(length))
    return not failed and length.value > 0


def _addresses(text: str) -> list[str]:
    found = []
    for part in text.replace(",", " ").split():
        try:
            address = ipaddress.ip_address(part)
        except ValueError:
            continue
        if not address.is_unspecified:
            found.append(str(address))
    return found

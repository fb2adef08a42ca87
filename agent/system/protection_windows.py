"""Firewall and virus scanner of Windows, from the registry and the service manager."""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

import winreg

from agent.system.protection import Shield
from agent.system.services import Run
from agent.system.services_windows import look as services
from agent.system.win_registry_windows import texts

_POLICY = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
_PROFILES = {"domain": "DomainProfile", "private": "StandardProfile", "public": "PublicProfile"}
_DEFENDER = r"SOFTWARE\Microsoft\Windows Defender"
_OTHERS = (
    "ekrn",
    "avast! Antivirus",
    "AVP",
    "Sophos Endpoint Defense Service",
    "CSFalconService",
    "bdredline",
)
"""Services of scanners beside Defender."""


def look() -> tuple[Shield, Shield]:
    return _firewall(), _scanner()


def _firewall() -> Shield:
    """On only where it is on in all profiles, for nobody knows which one holds at the next cable."""
    told = {
        name: texts(winreg.HKEY_LOCAL_MACHINE, rf"{_POLICY}\{key}").get("EnableFirewall")
        for name, key in _PROFILES.items()
    }
    if None in told.values():
        return Shield(None)
    off = [name for name, value in told.items() if value == "0"]
    running = services(["MpsSvc"]).get("MpsSvc") is Run.RUNNING
    if not running:
        return Shield(False, "Windows Firewall: its service is stopped")
    return Shield(not off, f"Windows Firewall: off for {', '.join(off)}" if off else "Windows Firewall")


def _scanner() -> Shield:
    states = services(["WinDefend", *_OTHERS])
    others = [name for name in _OTHERS if states.get(name) is Run.RUNNING]
    if others:
        return Shield(True, ", ".join(others))
    if states.get("WinDefend") is not Run.RUNNING:
        return Shield(False, "Windows Defender") if states.get("WinDefend") is Run.DOWN else Shield(None)
    watched = texts(winreg.HKEY_LOCAL_MACHINE, rf"{_DEFENDER}\Real-Time Protection")
    return Shield(watched.get("DisableRealtimeMonitoring") != "1", "Windows Defender")

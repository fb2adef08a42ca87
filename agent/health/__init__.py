"""Judges observations: which faults of the closed list began or ended. Pure: no clock, no device, no file."""

from agent.health.clock import HostClock
from agent.health.derived import Derived, LongView, Seen
from agent.health.device import observe_device
from agent.health.drawer import Drawer, DrawerView
from agent.health.judge import Judge, Transition
from agent.health.observation import Level, Observation
from agent.health.rule import RULES, Rule, rules_for_device

__all__ = [
    "RULES",
    "Derived",
    "Drawer",
    "DrawerView",
    "HostClock",
    "Judge",
    "Level",
    "LongView",
    "Observation",
    "Rule",
    "Seen",
    "Transition",
    "observe_device",
    "rules_for_device",
]

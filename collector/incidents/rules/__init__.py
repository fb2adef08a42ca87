"""The rules of incidents, written by hand in the order in which they are asked. Each is data: what it is about, by
which figures, whose affair it is and what is to be done; `engine` decides by it."""

from collector.incidents.engine.policy import Rule
from collector.incidents.rules import (
    agent,
    backup,
    device,
    drawer,
    fiscal,
    host,
    printer,
    silent,
    site,
    software,
)

RULES: tuple[Rule, ...] = (
    site.RULE,
    silent.RULE,
    backup.RULE,
    fiscal.RULE,
    printer.RULE,
    drawer.RULE,
    device.RULE,
    software.RULE,
    agent.RULE,
    host.RULE,
)

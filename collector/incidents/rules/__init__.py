"""The rules of incidents, written by hand in the order in which they are asked."""

from typing import cast

from collector.incidents.engine import Rule
from collector.incidents.rules import backup, device, host, silent

RULES: tuple[Rule, ...] = tuple(cast(Rule, rule) for rule in (silent, backup, device, host))

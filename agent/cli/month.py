"""The month's traffic of backups, as the commands count and show it."""

from dataclasses import replace

from agent.backup.traffic import Counted, Ledger, Use
from agent.cli.place import Way, way_to
from agent.clock import Clock
from agent.config import Backup, Config
from agent.runtime.backup_month import is_demanded, sends, use_of
from agent.runtime.backups import last_good
from agent.runtime.z_report import ZReports
from agent.spool import FILE, Spool


def counted_way(config: Config, plan: Backup, clock: Clock, *, held: bool) -> tuple[Way, Counted | None]:
    """As `way_to`, through the month's count where the configuration has one. `held`: where that is nearly spent, a
    backup that the law does not demand ends; a person who asks for one gets it."""
    way, use = way_to(plan, clock), use_of(config, clock.now())
    if use is None or not sends(plan):
        return way, None
    with Spool(config.agent.state_dir / FILE, clock) as spool:
        good, z_at = last_good(spool, plan.name), ZReports(spool, clock, lambda _: None).last
    wanted = not held or is_demanded(config, plan, good, z_at, clock.now())
    counted = Counted(way.send, Ledger(config.agent.state_dir), clock, use.limit, demanded=wanted)
    return replace(way, send=counted), counted


def line_of(use: Use) -> str:
    """For a person."""
    amount = f"{use.used / 1e6:.1f} of {use.limit / 1e6:.0f} MB, {use.left / 1e6:.1f} MB left"
    text = f"Traffic of backups in {use.month}: {amount}"
    return f"{text}; only what the law demands goes on" if use.near else text

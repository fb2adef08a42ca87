"""Faults of the till's computer and of what runs on it. They come and go more slowly than those of devices."""

from collector.incidents.engine.policy import Policy, Rule, Text
from protocols.status.faults import Severity

RULE = Rule(
    name="host",
    codes=("host.",),
    owner="technical",
    action=Text(
        lv="Skaties skaitļus kases lapā; diskam atbrīvo vietu, servisu palaid no jauna.",
        en="Look at the figures on the page of the till; make room on the disk, start the service anew.",
        ru="Посмотрите показатели на странице кассы; освободите место на диске, перезапустите службу.",
    ),
    article="host-disk-low",
    policy=Policy(),
    hold="host",
    special={
        "host.pos_not_running": {"worsens": [[900, Severity.CRITICAL.value]]},
        "host.disk_failing": {"trading": False},
        "host.on_battery": {"worsens": [[1200, Severity.ERROR.value]]},
    },
)

"""A device does not answer, or is not what it was."""

from collector.incidents.engine.policy import Policy, Rule, Text
from protocols.status.faults import Severity

RULE = Rule(
    name="device",
    codes=("device.",),
    owner="technical",
    action=Text(
        lv="Pārbaudi, vai ierīce ir ieslēgta un kabelis ir iesprausts; salīdzini portu ar konfigurāciju.",
        en="Find out whether the device is on and its cable is in; compare the port with the configuration.",
        ru="Проверьте, включено ли устройство и подключён ли кабель; сверьте порт с конфигурацией.",
    ),
    article="device-no-reply",
    policy=Policy(),
    hold="device",
    special={"device.no_reply": {"worsens": [[3600, Severity.CRITICAL.value]]}},
)

"""Faults of the fiscal part of a device: memory, journal, day, clock. They touch the law, so the hour does not make
them smaller."""

from collector.incidents.engine.policy import Policy, Rule, Text
from protocols.status.faults import Severity

RULE = Rule(
    name="fiscal",
    codes=("fiscal.",),
    owner="technical",
    action=Text(
        lv="Pārbaudi ierīces stāvokli kases lapā; plombu drīkst atvērt tikai atbildīgais meistars.",
        en="Look at the state of the device on the page of the till; only the responsible person may open a seal.",
        ru="Проверьте состояние устройства на странице кассы; пломбу вскрывает только ответственный мастер.",
    ),
    article="fiscal-memory-error",
    policy=Policy(trading=False),
    hold="device",
    special={
        "fiscal.day_over_24h": {"worsens": [[4 * 3600, Severity.CRITICAL.value]]},
        "fiscal.clock_drift": {"reopen_s": 86_400},
    },
)

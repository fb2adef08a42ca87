"""Paper, cover, head and cutter. Short hold: a technician waits for it to go green."""

from collector.incidents.engine.policy import Policy, Rule, Text
from protocols.status.faults import Severity

RULE = Rule(
    name="printer",
    codes=("printer.",),
    owner="helpdesk",
    action=Text(
        lv="Lūdz kasieri nomainīt papīru un aizvērt vāku; ja nepalīdz, dod tehniķim.",
        en="Ask the cashier to change the paper and close the cover; if that does not help, give it to a technician.",
        ru="Попросите кассира сменить бумагу и закрыть крышку; если не поможет, передайте технику.",
    ),
    article="printer-offline",
    policy=Policy(worsens=((3600, Severity.CRITICAL),)),
    hold="device",
    special={"printer.paper_near_end": {"worsens": [], "reopen_s": 3600}},
)

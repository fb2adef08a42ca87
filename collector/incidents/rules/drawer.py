"""The cash drawer stands open, or does not open."""

from collector.incidents.engine.policy import Policy, Rule, Text

RULE = Rule(
    name="drawer",
    codes=("drawer.",),
    owner="helpdesk",
    action=Text(
        lv="Lūdz kasieri aizvērt atvilktni; ja tā neatveras, pārbaudi kabeli un atslēgu.",
        en="Ask the cashier to close the drawer; if it does not open, look at its cable and its lock.",
        ru="Попросите кассира закрыть ящик; если он не открывается, проверьте кабель и замок.",
    ),
    article="drawer-stuck",
    hold="device",
    policy=Policy(),
)

"""`agent.silent`: the collector itself raises it when a terminal was not heard for too long, and clears it with the
next report. It does not repeat while the silence lasts."""

from collector.incidents.engine.policy import Policy, Rule, Text

RULE = Rule(
    name="silent",
    codes=("agent.silent",),
    owner="helpdesk",
    action=Text(
        lv="Pajautā veikalam, vai kase ir ieslēgta; ja ir, pārbaudi kases tīklu un aģenta servisu.",
        en="Ask the shop whether the till is on; if it is, look at its network and at the agent's service.",
        ru="Спросите в магазине, включена ли касса; если да, проверьте её сеть и службу агента.",
    ),
    article="agent-silent",
    policy=Policy(reopen_s=900, repeats=False),
    hold="silent",
)

"""`site.offline`: the collector itself raises it when all tills of a shop fall silent together, or many shops of one
provider or region."""

from collector.incidents.engine.policy import Policy, Rule, Text
from protocols.status.faults import Severity

RULE = Rule(
    name="site",
    codes=("site.offline",),
    owner="technical",
    action=Text(
        lv="Pārbaudi, vai veikalā ir strāva un internets; zvani pakalpojuma sniedzējam.",
        en="Find out whether the shop has power and a line; call the provider.",
        ru="Выясните, есть ли в магазине ток и интернет; звоните провайдеру.",
    ),
    article="site-offline",
    policy=Policy(hold_s=60, reopen_s=1800, repeats=False, worsens=((3600, Severity.CRITICAL),)),
)

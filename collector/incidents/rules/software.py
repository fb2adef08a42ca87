"""What is installed on the till differs from what may be."""

from collector.incidents.engine.policy import Policy, Rule, Text

RULE = Rule(
    name="software",
    codes=("software.",),
    owner="service",
    action=Text(
        lv="Salīdzini versiju ar sertifikātu un reģistru EDS; ja jaunināja, uztaisi versijas kopiju nedēļas laikā.",
        en="Compare the version with the certificate and the register in EDS; an update is to be backed up in a week.",
        ru="Сверьте версию с сертификатом и реестром в EDS; после обновления сделайте копию версии в течение недели.",
    ),
    article="software-uncertified",
    policy=Policy(trading=False),
    hold="host",
)

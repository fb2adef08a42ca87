"""Results of backups and restore drills: the next good one ends the fault at once."""

from collector.incidents.engine.policy import Policy, Rule, Text

RULE = Rule(
    name="backup",
    codes=("backup.",),
    owner="technical",
    action=Text(
        lv="Izlasi kļūdu kases lapā, novērs to un palaid rezerves kopiju vēlreiz.",
        en="Read the error on the page of the till, put it right and run the backup again.",
        ru="Прочитайте ошибку на странице кассы, устраните её и запустите копирование снова.",
    ),
    article="backup-failed",
    policy=Policy(reopen_s=0, trading=False),
    hold="backup",
)

"""The agent itself: its identity, its queue, its updates, its cost."""

from collector.incidents.engine.policy import Policy, Rule, Text

RULE = Rule(
    name="agent",
    codes=("agent.",),
    owner="technical",
    action=Text(
        lv="Skaties kases lapā, ko aģents stāsta par sevi; kopijai izvēlies īsto kasi.",
        en="See on the page of the till what the agent tells of itself; of a copy choose the true till.",
        ru="Посмотрите на странице кассы, что агент сообщает о себе; при копии выберите настоящую кассу.",
    ),
    article="agent-queue-filling",
    policy=Policy(trading=False),
    hold="host",
)

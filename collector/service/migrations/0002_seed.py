"""The three queues that the service company works with, rules that fill them, and two chains. All of it can be changed
on the pages; nothing here is asked again."""

from django.db import migrations

QUEUES = [
    ("helpdesk", "HelpDesk", "HelpDesk", "HelpDesk", 1),
    ("technical", "Tehniskā nodaļa", "Technical", "Технический отдел", 2),
    ("service_admin", "Servisa administrācija", "Service administration", "Сервисная администрация", 3),
]
RULES = [
    (10, "service_admin", "Reģistrs un sertificētās versijas", ["software.*", "fiscal.not_registered"], [], ["eds"]),
    (20, "technical", "Fiskālās ierīces", ["fiscal.*"], [], ["fiscal"]),
    (30, "technical", "Printeri, lādes, ierīces", ["printer.*", "drawer.*", "device.*"], [], ["printer"]),
    (40, "technical", "Rezerves kopijas", ["backup.*"], [], ["backup"]),
    (50, "technical", "Datori, aģenti, sakari", ["host.*", "agent.*", "site.*"], [], ["computer"]),
    (90, "helpdesk", "Ko ziņo cilvēki", [], ["person", "portal", "mail", "phone", "label"], []),
    (100, "helpdesk", "Viss pārējais", [], [], []),
]
CHAINS = [
    (
        "Kritiski un augsti",
        2,
        [
            ("nobody", 15, ["on_call"]),
            ("reaction", 75, ["on_call", "lead"]),
            ("silence", 30, ["assignee", "on_call"]),
            ("solution", 50, ["assignee"]),
            ("solution", 75, ["assignee", "lead"]),
            ("reaction", 100, ["lead", "managers"]),
            ("solution", 100, ["lead", "managers"]),
        ],
    ),
    (
        "Vidēji un zemi",
        4,
        [
            ("nobody", 240, ["lead"]),
            ("reaction", 75, ["lead"]),
            ("silence", 1440, ["assignee"]),
            ("solution", 75, ["assignee"]),
            ("solution", 100, ["assignee", "lead"]),
        ],
    ),
]


def seed(apps, _schema):
    queue_model, chain_model = apps.get_model("service", "Queue"), apps.get_model("service", "Chain")
    queues = {
        key: queue_model.objects.create(key=key, lv=lv, en=en, ru=ru, order=order)
        for key, lv, en, ru, order in QUEUES
    }
    for order, key, name, codes, sources, skills in RULES:
        match = {name_: value for name_, value in (("codes", codes), ("sources", sources)) if value}
        queues[key].rules.create(name=name, order=order, match=match, skills=skills)
    for name, priority, rungs in CHAINS:
        chain = chain_model.objects.create(name=name, priority=priority)
        for order, (trigger, threshold, targets) in enumerate(rungs):
            chain.rungs.create(order=order, trigger=trigger, threshold=threshold, targets=targets)


class Migration(migrations.Migration):
    dependencies = [("service", "0001_initial")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]

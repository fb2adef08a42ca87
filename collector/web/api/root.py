"""The API object, with every router under its address. No documentation page: that needs foreign scripts."""

from ninja import NinjaAPI

from collector.web.api import (
    agreements,
    backups,
    changes,
    configuration,
    desk,
    erasures,
    holds,
    incidents,
    intake,
    inventory,
    knowledge,
    maintenance,
    notices,
    notifications,
    parser,
    people,
    problem,
    requests,
    rules,
    service,
    session,
    visits,
)

api = NinjaAPI(
    title="Plomba",
    version="1.0.0",
    description="Everything that the dashboard shows and does. Refusals are problem documents (RFC 9457).",
    docs_url=None,
    parser=parser.PlainText(),
)
problem.install(api)
api.add_router("", session.router)
api.add_router("", inventory.router)
api.add_router("/incidents", incidents.router)
api.add_router("/incidents", desk.router)
api.add_router("/maintenance", maintenance.router)
api.add_router("/rules", rules.router)
api.add_router("", agreements.router)
api.add_router("/configuration", configuration.router)
api.add_router("/backups", backups.router)
api.add_router("/backups/holds", holds.router)
api.add_router("/backups/erasures", erasures.router)
api.add_router("/backups/readings", erasures.readings)
api.add_router("/people", people.router)
api.add_router("", requests.router)
api.add_router("", intake.router)
api.add_router("/knowledge", knowledge.router)
api.add_router("/notifications", notifications.mine)
api.add_router("/outbox", notifications.outbox)
api.add_router("/notices", notices.router)
api.add_router("/service", service.router)
api.add_router("/visits", visits.router)
api.add_router("", changes.router)

"""The address of every page and of the REST API."""

from django.urls import include, path

from collector.web import access
from collector.web.agreement_urls import PAGES as AGREEMENTS
from collector.web.api.root import api
from collector.web.engine_urls import PAGES as ENGINE
from collector.web.portal.urls import PAGES as PORTAL
from collector.web.report_urls import PAGES as REPORTS
from collector.web.request_urls import PAGES as REQUESTS
from collector.web.service_urls import PAGES as SERVICE
from collector.web.telling_urls import PAGES as TELLING
from collector.web.views import (
    backups,
    claim,
    configuration,
    devices,
    dossier,
    enrol,
    erasures,
    holds,
    identity,
    incidents,
    jobs,
    knowledge,
    knowledge_editing,
    live,
    now,
    people,
    restores,
    session,
    software,
    terminal,
)

PAGES = [
    path("", now.now, name="now"),
    path("sign-in", access.for_all(session.SignIn.as_view()), name="sign-in"),
    path("sign-out", access.for_all(session.SignOut.as_view()), name="sign-out"),
    path("language", session.choose_language, name="language"),
    path("live", live.live, name="live"),
    path("incidents/", incidents.queue, name="incidents"),
    path("incidents/<int:pk>/", incidents.incident, name="incident"),
    path("incidents/<int:pk>/<str:name>", incidents.act, name="incident-act"),
    path("devices/", devices.devices, name="devices"),
    path("terminals/<str:pk>/", terminal.terminal, name="terminal"),
    path("terminals/<str:pk>/samples.json", terminal.samples, name="samples"),
    path("terminals/<str:pk>/software/", software.software, name="software"),
    path("terminals/<str:pk>/jobs/", jobs.jobs, name="jobs"),
    path("terminals/<str:pk>/jobs/keep", jobs.keep, name="job-keep"),
    path("jobs/<str:pk>/sign", jobs.sign, name="job-sign"),
    path("jobs/<str:pk>/cancel", jobs.cancel, name="job-cancel"),
    path("operators/", jobs.operator_list, name="operators"),
    path("configuration/<str:level>/<str:pk>/", configuration.configuration, name="configuration"),
    path("backups/", backups.backups, name="backups"),
    path("backups/law/", backups.law, name="backups-law"),
    path("backups/erasures/", erasures.erasures, name="erasures"),
    path("backups/erasures/add", erasures.add, name="erasure-add"),
    path("backups/erasures/<int:pk>/withdraw", erasures.withdraw, name="erasure-withdraw"),
    path("backups/holds/", holds.holds, name="holds"),
    path("backups/holds/begin", holds.begin, name="hold-begin"),
    path("backups/holds/<int:pk>/<str:name>", holds.act, name="hold-act"),
    path("terminals/<str:pk>/dossier/", dossier.dossier, name="dossier"),
    path("terminals/<str:pk>/dossier.json", dossier.file, name="dossier-file"),
    path("backups/readings/", restores.readings, name="backups-readings"),
    path("backups/restore/", restores.restore, name="backups-restore"),
    path("backups/<str:pk>/<str:digest>.tar", restores.download, name="backup-download"),
    path("knowledge/", knowledge.knowledge, name="knowledge"),
    path("knowledge/new", knowledge_editing.new, name="article-new"),
    path("knowledge/preview", knowledge_editing.preview, name="article-preview"),
    path("knowledge/<slug:slug>/", knowledge.article, name="article"),
    path("knowledge/<slug:slug>/play", knowledge.play, name="article-play"),
    path("knowledge/<slug:slug>/vote", knowledge.vote_on, name="article-vote"),
    path("knowledge/<slug:slug>/edit", knowledge_editing.edit, name="article-edit"),
    path("knowledge/<slug:slug>/versions/<int:number>/", knowledge.version, name="article-version"),
    path("knowledge/<slug:slug>/do/<str:name>", knowledge_editing.act, name="article-act"),
    path("enrol/", enrol.enrol, name="enrol"),
    path("claim/<str:key>", claim.claim, name="claim"),
    path("terminals/<str:pk>/identity/<str:name>", identity.act, name="identity-act"),
    path("people/", people.people, name="people"),
    path("people/<int:pk>", people.change, name="person"),
]
WEB = [*PAGES, *ENGINE, *AGREEMENTS, *TELLING, *REQUESTS, *SERVICE, *PORTAL, *REPORTS]
urlpatterns = [path("", include((WEB, "web"))), path("api/v1/", api.urls)]

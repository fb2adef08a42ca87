"""The address of every page and of the REST API."""

from django.urls import include, path

from collector.web.api.root import api
from collector.web.views import (
    backups,
    claim,
    configuration,
    devices,
    enrol,
    identity,
    incidents,
    jobs,
    live,
    now,
    people,
    session,
    software,
    terminal,
)

PAGES = [
    path("", now.now, name="now"),
    path("sign-in", session.SignIn.as_view(), name="sign-in"),
    path("sign-out", session.SignOut.as_view(), name="sign-out"),
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
    path("enrol/", enrol.enrol, name="enrol"),
    path("claim/<str:key>", claim.claim, name="claim"),
    path("terminals/<str:pk>/identity/<str:name>", identity.act, name="identity-act"),
    path("people/", people.people, name="people"),
    path("people/<int:pk>", people.change, name="person"),
]
urlpatterns = [path("", include((PAGES, "web"))), path("api/v1/", api.urls)]

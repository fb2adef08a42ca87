"""The addresses of the pages about what is told to whom: notifications, messages, notices."""

from django.urls import path

from collector.web.views import notice_link, notices, notifications, outbox

PAGES = [
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/add", notifications.add, name="notification-add"),
    path("notifications/browser", notifications.add_browser, name="notification-browser"),
    path("notifications/<int:pk>/<str:name>", notifications.act, name="notification-act"),
    path("outbox/", outbox.outbox, name="outbox"),
    path("outbox/bad/<int:pk>/well", outbox.well, name="bad-address-well"),
    path("outbox/<int:pk>/", outbox.message, name="message"),
    path("outbox/<int:pk>/<str:name>", outbox.act, name="message-act"),
    path("notices/", notices.notices, name="notices"),
    path("notices/new", notices.edit, name="notice-new"),
    path("notices/<int:pk>/", notices.notice, name="notice"),
    path("notices/<int:pk>/edit", notices.edit, name="notice-edit"),
    path("notices/<int:pk>/do/<str:name>", notices.act, name="notice-act"),
    path("notices/<int:pk>/evidence.zip", notices.archive, name="notice-archive"),
    path("notices/<int:pk>/lists", notices.sheet, name="notice-lists"),
    path("n/<str:token>", notice_link.notice, name="notice-link"),
    path("n/<str:token>/lists", notice_link.to_sign, name="notice-link-lists"),
    path("incidents/<int:pk>/messages/", outbox.about_incident, name="incident-messages"),
]

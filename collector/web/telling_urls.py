"""The addresses of the pages about what is told to whom."""

from django.urls import path

from collector.web.views import notifications, outbox

PAGES = [
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/add", notifications.add, name="notification-add"),
    path("notifications/browser", notifications.add_browser, name="notification-browser"),
    path("notifications/<int:pk>/<str:name>", notifications.act, name="notification-act"),
    path("outbox/", outbox.outbox, name="outbox"),
    path("outbox/bad/<int:pk>/well", outbox.well, name="bad-address-well"),
    path("outbox/<int:pk>/", outbox.message, name="message"),
    path("outbox/<int:pk>/<str:name>", outbox.act, name="message-act"),
    path("incidents/<int:pk>/messages/", outbox.about_incident, name="incident-messages"),
]

"""Addresses of the staff's pages about requests."""

from django.urls import path

from collector.web.views import catalogue, contacts, labels, mails, requests

PAGES = [
    path("requests/", requests.queue, name="requests"),
    path("requests/new", requests.new, name="request-new"),
    path("requests/<int:pk>/", requests.one, name="request"),
    path("requests/<int:pk>/<slug:name>", requests.act, name="request-act"),
    path("requests/files/<int:pk>", requests.attachment, name="request-file"),
    path("catalogue/", catalogue.listed, name="catalogue"),
    path("catalogue/<slug:key>/", catalogue.one, name="catalogue-type"),
    path("contacts/", contacts.listed, name="contacts"),
    path("contacts/<int:pk>/", contacts.one, name="contact"),
    path("contacts/<int:pk>/retire", contacts.retire, name="contact-retire"),
    path("mail/", mails.listed, name="mails"),
    path("mail/<int:pk>/raw", mails.raw, name="mail-raw"),
    path("mail/<int:pk>/settle", mails.settle, name="mail-settle"),
    path("labels/", labels.sheet, name="labels"),
    path("labels/<str:pk>/renew", labels.renew, name="label-renew"),
]

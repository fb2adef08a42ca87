"""Rules and their figures in words."""

from django.utils.translation import gettext_lazy, pgettext_lazy

NAMES = {
    "agent": pgettext_lazy("rule", "Agent"),
    "backup": pgettext_lazy("rule", "Backups"),
    "device": pgettext_lazy("rule", "Devices"),
    "drawer": pgettext_lazy("rule", "Cash drawer"),
    "fiscal": pgettext_lazy("rule", "Fiscal device"),
    "host": pgettext_lazy("rule", "Computer"),
    "printer": pgettext_lazy("rule", "Printer"),
    "silent": pgettext_lazy("rule", "Silent till"),
    "site": pgettext_lazy("rule", "Line of the shop"),
    "software": pgettext_lazy("rule", "Software"),
}
"""Of `incidents.rules`, by name; one that is not here shows its name."""
FIGURES = {
    "wait_s": gettext_lazy("Must last, s"),
    "need": gettext_lazy("Opens after … reports"),
    "of": gettext_lazy("… of the last"),
    "window_s": gettext_lazy("… within, s"),
    "good": gettext_lazy("Good reports that end it"),
    "hold_s": gettext_lazy("Must stay away, s"),
    "reopen_s": gettext_lazy("Back within: the same incident, s"),
    "flaps": gettext_lazy("Flaps after … comings"),
    "flap_s": gettext_lazy("… within, s"),
    "calm_s": gettext_lazy("Then must be calm, s"),
    "storm": gettext_lazy("More than … at once are one"),
    "storm_s": gettext_lazy("At once means within, s"),
}

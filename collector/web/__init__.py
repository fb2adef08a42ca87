"""Dashboard and REST API: views, templates, words. No rules here."""

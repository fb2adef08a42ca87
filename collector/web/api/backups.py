"""Backups."""

from ninja import Router

router = Router(tags=["backups"])

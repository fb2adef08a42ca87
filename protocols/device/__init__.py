"""Fiscal printers, receipt printers and drawers: one file per family, models as data in `profiles/`."""

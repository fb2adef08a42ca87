"""Queries behind pages and REST API: filters from an address, search, sort, paging. Nothing here writes."""

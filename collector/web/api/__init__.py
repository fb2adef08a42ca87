"""The REST API under /api/v1: the readings and acts of the pages, as JSON. Its document is openapi.json."""

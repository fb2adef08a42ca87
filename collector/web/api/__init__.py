"""The REST API under /api/v1: the same readings and acts as the pages, as JSON. Its document is openapi.json."""

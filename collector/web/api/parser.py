"""Bodies of the API: JSON in UTF-8 without what no database keeps as text."""

import json

from django.http import HttpRequest
from ninja.parser import Parser
from ninja.types import DictStrAny


class PlainText(Parser):
    def parse_body(self, request: HttpRequest) -> DictStrAny:
        """ValueError, which becomes a problem document, for NUL and for half a character."""
        document: DictStrAny = json.loads(request.body.decode())
        if b"\0" in json.dumps(document, ensure_ascii=False).encode().replace(b"\\u0000", b"\0"):
            raise ValueError("a text holds NUL")
        return document

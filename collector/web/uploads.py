"""No form may bring more than this, whoever sends it: told before anything is written to the disk."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

MOST_BYTES = 32 << 20
"""Several files together, of which each has its own limit."""


class Bounded(FileUploadHandler):
    """First of the handlers; it keeps nothing and hands everything on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seen = 0

    def handle_raw_input(self, *parts: Any, **_: Any) -> None:
        """`parts`: the body, the headers, its length, the boundary, the encoding."""
        content_length = int(parts[2])
        if content_length > MOST_BYTES:
            raise RequestDataTooBig(f"a form may bring {MOST_BYTES >> 20} MB")

    def receive_data_chunk(self, raw_data: bytes, _start: int) -> bytes:
        self._seen += len(raw_data)
        if self._seen > MOST_BYTES:
            raise RequestDataTooBig(f"a form may bring {MOST_BYTES >> 20} MB")
        return raw_data

    def file_complete(self, _file_size: int) -> None:
        return None

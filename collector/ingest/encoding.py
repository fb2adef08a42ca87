"""Bodies as they came -> bodies as they were meant. The signature covers what came."""

import io

import zstandard

from collector.ingest.problem import Refused

_WINDOW_BYTES = 8 << 20


def decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """`encoding`: the Content-Encoding header, "" or "identity" or "zstd". Refused with `report.too_large` where it
    grows beyond `limit` bytes, whatever the frame says of itself."""
    if encoding in ("", "identity"):
        return body
    if encoding != "zstd":
        raise Refused("report.encoding", "zstd or none")
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).stream_reader(io.BytesIO(body))
        whole = reader.read(limit + 1)
    except (zstandard.ZstdError, MemoryError) as e:
        raise Refused("report.malformed", "the body is no whole zstd frame") from e
    if len(whole) > limit:
        raise Refused("report.too_large", f"at most {limit} bytes")
    return whole

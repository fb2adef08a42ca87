"""The end of a program's log, as text, however large the log is and whatever its encoding."""

from pathlib import Path

TAIL_BYTES = 1 << 20


def inside(path: Path) -> bool:
    """Not a link that leads out of its folder: an account may put there what only the agent may read."""
    return path.resolve().parent == path.parent.resolve()


def read(path: Path, most_bytes: int = TAIL_BYTES) -> str:
    """Whole lines only. OSError where it cannot be read. Windows programs write UTF-8 or the system's code page,
    which at tills in this part of the world is the Baltic or the Russian one; tokens that are looked for are the
    same in both but for the Russian ones."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - most_bytes, 0))
        data = file.read(most_bytes)
    if size > most_bytes:
        data = data.partition(b"\n")[2]
    return decoded(data)


def decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1251", "replace")

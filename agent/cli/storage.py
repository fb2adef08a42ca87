"""Whether packs of this till may go straight to the store behind its collector, and which one that is."""

from pathlib import Path

from agent.backup.repository.storage import Storage
from agent.cli import wished
from agent.config import Config
from agent.config.reader import tables_in


def store_of(file: Path, own: Config) -> Storage | None:
    """`own` is what `file` says. Which store it is, the file alone says; its authority may be wished."""
    url = own.collector.storage_url
    if not url:
        return None
    _, standing = wished.standing_of(own.agent.state_dir, tables_in(file))
    return Storage(url, wished.config_of(standing, own).collector.storage_ca)

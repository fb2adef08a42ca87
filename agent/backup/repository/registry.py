"""Every kind of repository, by hand: the word in front of its address, or "" for a folder."""

from collections.abc import Mapping

from agent.backup.repository import Repository
from agent.backup.repository.https import HttpsRepository
from agent.backup.repository.local import LocalRepository
from agent.backup.repository.sftp import SftpRepository

REPOSITORIES: Mapping[str, type[Repository]] = {
    "local": LocalRepository,
    "https": HttpsRepository,
    "sftp": SftpRepository,
}

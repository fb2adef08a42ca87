"""A real IMAP server (Debian's dovecot) on loopback, in a folder of its own, by an account that may do nothing else."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.core import authority
from tests.collector.notify.servers import make_tls
from tests.collector.served import free_port, until
from tests.conftest import missing

DOVECOT = Path("/usr/sbin/dovecot")
USER, PASSWORD = "palidziba", "slepens"
_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
ssl = required
ssl_cert = <{tls}/server.crt
ssl_key = <{tls}/server.key
listen = 127.0.0.1
mail_location = maildir:{folder}/mail/%n
first_valid_uid = 1
mail_fsync = never
auth_failure_delay = 0 secs
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%n
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


class ImapServer:
    """`deliver` puts a mail into the mailbox as a mail server's last hop does: whole, by renaming."""

    def __init__(self, folder: Path, port: int, user: str) -> None:
        self.port = port
        self.tls = folder / "tls"
        self._box = folder / "mail" / USER
        self._user = user
        self._count = 0

    def deliver(self, content: bytes) -> None:
        for name in ("tmp", "new", "cur"):
            (self._box / name).mkdir(parents=True, exist_ok=True)
        self._count += 1
        name = f"{1_700_000_000 + self._count}.{self._count}.tests"
        draft = self._box / "tmp" / name
        draft.write_bytes(content)
        if os.geteuid() == 0:
            for path in (self._box, *self._box.iterdir(), draft):
                shutil.chown(path, self._user)
        draft.rename(self._box / "new" / name)

    def forget(self) -> None:
        """A new, empty mailbox: with another UIDVALIDITY, as after a restored backup."""
        shutil.rmtree(self._box, ignore_errors=True)


@contextmanager
def serving(folder: Path) -> Iterator[ImapServer]:
    if not DOVECOT.exists():
        missing("dovecot-imapd")
    me = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    group = pwd.getpwnam(me).pw_gid
    server = ImapServer(folder, free_port(), me)
    server.tls.mkdir()
    make_tls(server.tls)
    for name in ("run", "mail"):
        (folder / name).mkdir()
    values = {
        "folder": folder,
        "user": me,
        "group": _group_name(group),
        "tls": server.tls,
        "port": server.port,
    }
    (folder / "dovecot.conf").write_text(_CONFIG.format(password=PASSWORD, **values))
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, me)
    process = subprocess.Popen([DOVECOT, "-F", "-c", folder / "dovecot.conf"], start_new_session=True)
    try:
        until(lambda: _listens(folder, process), "dovecot answers", 30)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _group_name(gid: int) -> str:
    import grp  # noqa: PLC0415 - not on Windows

    return grp.getgrgid(gid).gr_name


def _listens(folder: Path, process: "subprocess.Popen[bytes]") -> bool:
    log = folder / "log"
    assert process.poll() is None, log.read_text() if log.exists() else "dovecot ended"
    return log.exists() and "starting up" in log.read_text()


def authority_of(server: ImapServer) -> Path:
    return server.tls / authority.CA_CERT

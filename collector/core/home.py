"""Makes the collector's home folder: configuration, secret key, certificate authority and server
certificate. What is there already stays as it is. Knows no Django."""

import ipaddress
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from collector.core import authority
from collector.core.config import Config

CA_COPY = "ca.pem"
"""The authority's certificate, readable by all, where a person looks for it."""
RENEW_BEFORE = timedelta(days=30)

_TOML = """\
# Plomba collector. All keys: config/collector.example.toml
[server]
host = "{host}"
port = {port}
public_url = "{public_url}"
"""


def write_config(file: Path, host: str, port: int, public_url: str) -> None:
    file.write_text(_TOML.format(host=host, port=port, public_url=public_url), "utf-8")


def make_secret_key(config: Config) -> bool:
    file = config.path(config.secret_key_file)
    if file.exists():
        return False
    authority.write_private(file, secrets.token_urlsafe(50).encode())
    return True


def make_authority(config: Config, now: datetime) -> bool:
    folder = config.path(config.tls_dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = not (folder / authority.CA_CERT).exists()
    if made:
        authority.make_authority(folder, f"Plomba {host_of(config)}", now)
    copy = config.home / CA_COPY
    copy.write_bytes((folder / authority.CA_CERT).read_bytes())
    copy.chmod(0o644)
    return made


def make_certificate(config: Config, now: datetime) -> bool:
    """A server certificate, also where the one that is there ends soon or lacks a name."""
    folder = config.path(config.tls_dir)
    file = folder / authority.SERVER_CERT
    if file.exists():
        certificate = authority.read_certificate(file)
        lasting = certificate.not_valid_after_utc > now + RENEW_BEFORE
        if lasting and authority.names_of(certificate) >= set(names(config)):
            return False
    authority.make_server(folder, names(config), now)
    return True


def names(config: Config) -> list[str]:
    """Under which the server is reached: its public name first, then this machine."""
    found = [host_of(config), "localhost", "127.0.0.1"]
    if config.server.host not in ("0.0.0.0", "::", ""):  # noqa: S104 - "everywhere" is no name
        found.append(config.server.host)
    return [_plain(name) for name in dict.fromkeys(found)]


def host_of(config: Config) -> str:
    return urlsplit(config.public_url).hostname or "localhost"


def _plain(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.encode("idna").decode()

"""Mail over SMTP (RFC 5321). The server's certificate is checked; nothing goes out in the clear but to this machine."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.errors import HeaderParseError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from django.conf import settings

from collector.core.config import Config
from collector.notify.channels.channel import DeliveryError, Sealed, Target
from collector.notify.outbox import message_id

OWN_HEADERS = frozenset(
    {
        "reply-to",
        "list-unsubscribe",
        "in-reply-to",
        "references",
        "auto-submitted",
        "x-auto-response-suppress",
    }
)
"""What a letter may set itself, instead of what stands here."""


def deliver(message: Sealed, target: Target) -> str:
    """The reply of the server to the whole mail. It may bounce later all the same: see `bounces`."""
    config: Config = settings.CONFIG
    if not config.mail.host:
        raise DeliveryError(
            "no mail server is configured; name one in [mail] of collector.toml",
            code="mail.not_configured",
            retriable=True,
        )
    mail = written(message, target.address, config.mail.sender)
    try:
        with _session(config) as server:
            return _hand_over(server, mail, target.address)
    except DeliveryError:
        raise
    except smtplib.SMTPResponseException as e:
        raise _refused(e.smtp_code, e.smtp_error, bad_address=False) from e
    except smtplib.SMTPNotSupportedError as e:
        raise DeliveryError(f"the mail server cannot do it: {e}", code="mail.server", retriable=True) from e
    except ssl.SSLError as e:
        what = f"the certificate of {config.mail.host} is not trusted or the encryption failed: {e}"
        raise DeliveryError(what, code="mail.certificate", retriable=True) from e
    except (smtplib.SMTPException, OSError) as e:
        what = f"{config.mail.host}:{config.mail.port} is not reached: {e}"
        raise DeliveryError(what, code="mail.unreachable", retriable=True) from e


def written(message: Sealed, to: str, sender: str) -> EmailMessage:
    """The mail. DeliveryError where the address is none."""
    mail = EmailMessage()
    domain = domain_of(sender)
    try:
        mail["From"] = sender
        mail["To"] = to
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(message.made_at)
        mail["Message-ID"] = message_id(message.key, domain)
        mail["Content-Language"] = message.language
        for name, value in _own_headers(message, domain).items():
            mail[name] = value
    except (ValueError, HeaderParseError, IndexError) as e:
        raise _no_address(to) from e
    bare = parseaddr(to)[1]
    plain = all(" " < letter < "\x7f" for letter in bare)
    if "@" not in bare or not plain or len(mail["To"].addresses) != 1:
        raise _no_address(to)
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
    return mail


def _own_headers(message: Sealed, domain: str) -> dict[str, str]:
    found = {"Auto-Submitted": "auto-generated"}
    if message.thread and message.thread != message.key:
        first = message_id(message.thread, domain)
        found |= {"In-Reply-To": first, "References": first}
    given = {name.title(): value for name, value in message.headers.items() if name.lower() in OWN_HEADERS}
    return found | given


def domain_of(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


def _no_address(to: str) -> DeliveryError:
    what = f"{to[:80]!r} is no mail address"
    return DeliveryError(what, code="mail.address", retriable=False, bad_address=True)


@contextmanager
def _session(config: Config) -> Iterator[smtplib.SMTP]:
    """Signed in and encrypted as configured."""
    given = config.mail
    context = _trust(config)
    if given.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            given.host, given.port, timeout=given.timeout_s, context=context
        )
    else:
        server = smtplib.SMTP(given.host, given.port, timeout=given.timeout_s)
    try:
        if given.security == "starttls":
            server.starttls(context=context)
        if given.user:
            _sign_in(server, given.user, _password(config))
        server.ehlo_or_helo_if_needed()
        yield server
    finally:
        _part(server)


def _sign_in(server: smtplib.SMTP, user: str, password: str) -> None:
    try:
        server.login(user, password)
    except UnicodeEncodeError as e:
        what = "[mail] user and password may hold ASCII letters only"
        raise DeliveryError(what, code="mail.configuration", retriable=True) from e


def _part(server: smtplib.SMTP) -> None:
    """What happens after the mail was taken or refused does not count."""
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()


def _trust(config: Config) -> ssl.SSLContext:
    file = config.mail.ca_file
    try:
        return ssl.create_default_context(cafile=str(config.path(file)) if file else None)
    except OSError as e:
        raise DeliveryError(
            f"[mail] ca_file cannot be read: {e}", code="mail.configuration", retriable=True
        ) from e


def _password(config: Config) -> str:
    file = config.path(config.mail.password_file)
    try:
        return file.read_text("utf-8").strip()
    except OSError as e:
        raise DeliveryError(
            f"[mail] password_file: {file} cannot be read", code="mail.configuration", retriable=True
        ) from e


def _hand_over(server: smtplib.SMTP, mail: EmailMessage, to: str) -> str:
    """By hand, because `send_message` hides what the server says when it takes the mail."""
    code, said = server.mail(parseaddr(mail["From"])[1])
    if code != 250:
        raise _refused(code, said, bad_address=False)
    code, said = server.rcpt(parseaddr(to)[1])
    if code not in (250, 251):
        raise _refused(code, said, bad_address=_names_the_address(code, said))
    try:
        code, said = server.data(mail.as_bytes(policy=SMTP))
    except (smtplib.SMTPServerDisconnected, TimeoutError) as e:
        raise DeliveryError(
            "the mail server fell silent while it took the mail",
            code="mail.unreachable",
            retriable=True,
            doubtful=True,
        ) from e
    if code != 250:
        raise _refused(code, said, bad_address=False)
    return _words(said)


def _names_the_address(code: int, said: bytes) -> bool:
    """RFC 3463: 5.1.x is about the address, 5.2.1 a mailbox that is shut; 550, 551 and 553 without such a number
    mean the mailbox, too. 5.7.x is a policy against the sender."""
    first = said.split(b" ", 1)[0].decode("ascii", "replace")
    if first.count(".") == 2:
        return first.startswith("5.1.") or first == "5.2.1"
    return code in (550, 551, 553)


def _refused(code: int, said: bytes | str, *, bad_address: bool) -> DeliveryError:
    """4yz may go later (RFC 5321 4.2.1). Of a refused sign-in a person must change the configuration, and then it
    goes."""
    sign_in = code in (530, 534, 535, 538)
    return DeliveryError(
        f"the mail server said {code} {_words(said)}",
        code="mail.sign_in" if sign_in else "mail.address" if bad_address else "mail.refused",
        retriable=code < 500 or sign_in,
        bad_address=bad_address,
    )


def _words(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:300]

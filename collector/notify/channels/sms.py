"""SMS through a gateway that takes HTTP. What a gateway wants is data: a file in `gateways/`, or one of one's own."""

import base64
import json
import re
import string
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import quoteattr

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from collector.core.config import Config
from collector.notify.channels import http
from collector.notify.channels.channel import DeliveryError, Sealed, Target

SHIPPED = Path(__file__).parent.parent / "gateways"
FIELDS = ("to", "to_digits", "text", "sender", "user", "secret", "key", "basic")
MOST_LETTERS = 300
"""Of a text with any letter outside GSM 03.38 a part holds 67, and Latvian and Russian have many: five parts."""
_FIELD = re.compile(r"\{([a-z_]+)\}")
Writer = Callable[[str], str]
WRITERS: Mapping[str, Writer] = {
    "json": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "form": quote_plus,
    "xml": lambda value: quoteattr(value, {'"': "&quot;"})[1:-1],
}


class Gateway(BaseModel):
    """`url`, `headers` and `body` may hold {to}, {to_digits} (without +), {text}, {sender}, {user}, {secret}, {key} and
    {basic} (user and secret for HTTP Basic). A value is written as `encoding` wants it in the body, percent-encoded in
    the address. `taken`: what the body of a good answer must hold; `bad_number`: what it holds when the number is
    nobody's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = ""
    method: Literal["POST", "GET"] = "POST"
    encoding: Literal["json", "form", "xml"]
    headers: dict[str, str] = {}
    body: str = ""
    taken: str = ""
    bad_number: tuple[Annotated[str, Field(min_length=1)], ...] = ()

    @model_validator(mode="after")
    def _known_fields(self) -> Self:
        for text in (self.url, self.body, *self.headers.values()):
            names = set(string.Template(_marked(text)).get_identifiers())
            if names - set(FIELDS):
                raise ValueError(
                    f"{{{(names - set(FIELDS)).pop()}}} is not known; known: {', '.join(FIELDS)}"
                )
        return self


def deliver(message: Sealed, target: Target) -> str:
    """The answer of the gateway that took it; whether the telephone got it is not known. `key` goes along where the
    template has a place for it, so that a gateway that knows such keys sends once."""
    config: Config = settings.CONFIG
    gateway = load(config)
    values = _values(message, target, config)
    url = _filled(gateway.url or config.sms.url, values, lambda value: quote(value, safe=""))
    headers = {name: _filled(text, values, _one_line) for name, text in gateway.headers.items()}
    body = _filled(gateway.body, values, WRITERS[gateway.encoding]).encode()
    answer = http.post(url, body, headers, config.sms.timeout_s, gateway.method)
    return _judged(gateway, answer)


def _judged(gateway: Gateway, answer: http.Answer) -> str:
    if any(sign in answer.body for sign in gateway.bad_number):
        raise DeliveryError(
            f"the SMS gateway knows no such number: {answer.words}",
            code="sms.number",
            retriable=False,
            bad_address=True,
        )
    said = http.judged(answer, "the SMS gateway", gone=())
    if gateway.taken not in answer.body:
        raise DeliveryError(f"the SMS gateway did not take it: {said}", code="sms.refused", retriable=False)
    return said


def load(config: Config) -> Gateway:
    """DeliveryError says what is wrong with the file; it goes on once a person has mended it."""
    name = config.sms.gateway
    if not name:
        what = "no SMS gateway is configured; name one in [sms] of collector.toml"
        raise DeliveryError(what, code="sms.not_configured", retriable=True)
    shipped = SHIPPED / f"{name}.toml"
    file = shipped if name.isalnum() and shipped.exists() else config.path(Path(name))
    try:
        return Gateway.model_validate(tomllib.loads(file.read_text("utf-8")))
    except (OSError, ValueError, ValidationError) as e:
        what = f"the gateway file {file} cannot be used: {e}"
        raise DeliveryError(what[:400], code="sms.configuration", retriable=True) from e


def _values(message: Sealed, target: Target, config: Config) -> dict[str, str]:
    file = config.path(config.sms.secret_file)
    secret = file.read_text("utf-8").strip() if file.exists() else ""
    basic = base64.b64encode(f"{config.sms.user}:{secret}".encode()).decode()
    number = "".join(letter for letter in target.address if letter.isdigit() or letter == "+")
    return {
        "to": number,
        "to_digits": number.lstrip("+"),
        "text": message.text[:MOST_LETTERS],
        "sender": config.sms.sender,
        "user": config.sms.user,
        "secret": secret,
        "key": message.key,
        "basic": basic,
    }


def _marked(text: str) -> str:
    """{name} as a template of the standard library, everything else (JSON's own braces) as it is."""
    out = text.replace("$", "$$")
    return _FIELD.sub(r"${\1}", out)


def _filled(text: str, values: Mapping[str, str], written: Writer) -> str:
    return string.Template(_marked(text)).substitute({k: written(v) for k, v in values.items()})


def _one_line(value: str) -> str:
    return " ".join(value.split())

"""What proves later that it was this text and nothing else: the digest of a version, and an archive that anybody can
check without Plomba."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping

from collector.notices.models import Notice, Sheet, Version
from collector.notify.models import Outgoing

_NEVER = (1980, 1, 1, 0, 0, 0)
_README = """\
Evidence of a notice. Every file's SHA-256 stands in sha256sums (check it with: sha256sum -c sha256sums).
The digest of a version is the SHA-256 of its texts.json, byte for byte.
readings.csv: to whom it was given, when, and when and how the reading was confirmed. Times are UTC.
messages.csv: the mails about it, with what the mail server answered.
lists/: signed lists of shops, with the scan where there is one.
"""


def canonical(texts: Mapping[str, Mapping[str, str]]) -> bytes:
    """The one form of the texts: JSON in UTF-8, keys in order, no spaces."""
    return json.dumps(texts, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest_of(texts: Mapping[str, Mapping[str, str]]) -> str:
    return hashlib.sha256(canonical(texts)).hexdigest()


def archive(notice: Notice) -> bytes:
    """A ZIP with all that was published, given, confirmed and signed. The same state gives the same bytes."""
    files: dict[str, bytes] = {"README.txt": _README.encode()}
    for version in notice.versions.exclude(published_at=None).order_by("number"):
        files |= {f"v{version.number}/{name}": content for name, content in _of_version(version).items()}
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return _zip(files | {"sha256sums": sums.encode()})


def _of_version(version: Version) -> dict[str, bytes]:
    texts = canonical(version.texts)
    facts = {
        "notice": version.notice_id,
        "version": version.number,
        "kind": version.notice.kind,
        "published_at": version.published_at.isoformat() if version.published_at else None,
        "published_by": version.published_by.get_username() if version.published_by else None,
        "confirm_by": version.confirm_by.isoformat() if version.confirm_by else None,
        "digest": version.digest,
    }
    files = {
        "texts.json": texts,
        "facts.json": json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True).encode(),
        "readings.csv": _readings(version),
        "messages.csv": _messages(version),
    }
    for language, text in version.texts.items():
        files[f"text.{language}.md"] = f"# {text['title']}\n\n{text['text']}\n".encode()
    for sheet in version.sheets.select_related("site", "by"):
        files |= _of_sheet(sheet)
    return files


def _readings(version: Version) -> bytes:
    rows = version.readings.select_related("contact__customer")
    return _csv(
        ("customer", "registration_number", "contact", "email", "language", "given_at", "reminders",
         "confirmed_at", "how"),
        (
            (
                row.contact.customer.name, row.contact.customer.registration_number, row.contact.name, row.email,
                row.language, row.given_at.isoformat(), row.reminders,
                row.confirmed_at.isoformat() if row.confirmed_at else "", row.how,
            )
            for row in rows
        ),
    )  # fmt: skip


def _messages(version: Version) -> bytes:
    rows = Outgoing.objects.filter(about=f"notice:{version.pk}").order_by("pk")
    return _csv(
        ("number", "to", "written_at", "status", "ended_at", "answer", "error"),
        (
            (
                row.key, row.address, row.made_at.isoformat(), row.status,
                row.ended_at.isoformat() if row.ended_at else "", row.reply, row.error,
            )
            for row in rows
        ),
    )  # fmt: skip


def _of_sheet(sheet: Sheet) -> dict[str, bytes]:
    """Its names, and the scan under the ending of its kind."""
    name = f"lists/{sheet.site_id}-{sheet.pk}"
    facts = {
        "site": sheet.site.name,
        "entered_at": sheet.at.isoformat(),
        "entered_by": sheet.by.get_username() if sheet.by else None,
        "scan_digest": sheet.scan_digest,
        "names": sheet.names,
    }
    files = {f"{name}.json": json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True).encode()}
    if sheet.scan:
        content = bytes(sheet.scan)
        files[f"{name}.{kind_of(content)}"] = content
    return files


def kind_of(content: bytes) -> str:
    """pdf, png or jpg by what the file begins with; "" for anything else."""
    if content.startswith(b"%PDF-"):
        return "pdf"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    return "jpg" if content.startswith(b"\xff\xd8\xff") else ""


def _csv(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> bytes:
    """A cell that a sheet program would take for a formula is led by an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t")) else cell


def _zip(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive_file:
        for name in sorted(files):
            archive_file.writestr(zipfile.ZipInfo(name, _NEVER), files[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()

"""`plomba-agent spool`: prove the queue, or carry it by hand from a till without a line."""

import argparse
import base64
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from pydantic import ValidationError

from agent.config import default_path, load
from agent.runtime.clock import SystemClock
from agent.spool import FILE, Json, Spool
from agent.uplink import identity
from agent.uplink.report import body_of
from agent.uplink.sender import STATE
from protocols.errors import UplinkError
from protocols.wire import v1
from protocols.wire.carry import seal

NAME = "spool"
HELP = "prove what lies in the queue, or carry it to the collector by hand"
_FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    _act(
        acts, "verify", "prove that nothing is missing or changed, and what the collector has; needs no line"
    )
    export = _act(acts, "export", "write what waits into an encrypted file for the collector")
    export.add_argument("--out", type=Path, required=True, help="the new file, such as one on a USB stick")
    taken = _act(acts, "import", "read the receipt that the collector wrote for an exported file")
    taken.add_argument("receipt", type=Path)


def _act(
    acts: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    parser = acts.add_parser(name, help=text, description=text)
    parser.add_argument("--config", type=Path, help="the agent's configuration file")
    parser.add_argument("--json", action="store_true", help="for a machine")
    return parser


def run(args: argparse.Namespace) -> int:
    state_dir = load(args.config or default_path()).agent.state_dir
    who = identity.load(state_dir)
    with Spool(state_dir / FILE, SystemClock()) as spool:
        if args.act == "verify":
            return _verify(spool, who, as_json=args.json)
        if args.act == "export":
            return _export(spool, who, args.out, as_json=args.json)
        return _import(spool, args.receipt, as_json=args.json)


def _verify(spool: Spool, who: identity.Identity, *, as_json: bool) -> int:
    proof = spool.verify(who.terminal, _receipt(spool))
    if as_json:
        print(json.dumps({**asdict(proof), "ok": not proof.problems}, indent=2))
    elif proof.problems:
        print("\n".join(f"Not proven: {problem}" for problem in proof.problems), file=sys.stderr)
    else:
        print(f"Messages {proof.first} to {proof.last} are here, whole and in order (epoch {proof.epoch}).")
        if proof.complete_to:
            print(
                f"Complete up to {proof.complete_to}, 0 gaps: signed by the collector at {proof.receipt_at}"
            )
            print(f"with the key {proof.signer}.")
        else:
            print("The collector has proved nothing of this epoch yet.")
    return _FAILED if proof.problems else 0


def _export(spool: Spool, who: identity.Identity, out: Path, *, as_json: bool) -> int:
    carry_key = _receipt(spool).get("carry_key")
    if not carry_key:
        raise UplinkError(
            "this till has never heard from its collector, so it does not know for whom to encrypt; "
            "let it reach the collector once, or back up its state folder",
            code="spool.no_carry_key",
        )
    now = SystemClock().now()
    batches = spool.all_waiting()
    reports = [body_of(batch, who.terminal, now) for batch in batches]
    to = X25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(f"{carry_key}="))
    _write_new(out, seal(who.terminal, reports, now, who.key, to))
    messages = sum(len(batch.rows) for batch in batches)
    if as_json:
        print(json.dumps({"file": str(out), "messages": messages, "bytes": out.stat().st_size}))
    else:
        print(f"{messages} messages are in {out} ({out.stat().st_size} bytes). They also stay here.")
        print(f"At the collector: plomba-collector import {out.name} --receipt {out.name}.receipt")
    return 0


def _import(spool: Spool, file: Path, *, as_json: bool) -> int:
    try:
        receipts = [v1.Receipt.model_validate(part) for part in json.loads(file.read_text("utf-8"))]
    except (OSError, ValueError, TypeError, ValidationError) as e:
        raise UplinkError(f"{file} is no receipt of plomba-collector import", code="spool.receipt") from e
    before = spool.pending().ordered
    known = _receipt(spool)
    for receipt in receipts:
        if receipt.signature and receipt.signer == known.get("signer"):
            spool.acknowledge_carried(identity.load(spool.path.parent).terminal, receipt)
    stored = before - spool.pending().ordered
    if as_json:
        print(json.dumps({"stored": stored, "waiting": before - stored}))
    else:
        print(f"The collector has {stored} messages of them now; {before - stored} still wait.")
    return 0


def _receipt(spool: Spool) -> Mapping[str, Json]:
    """The newest that the sender wrote down."""
    known = spool.read_state(STATE)
    return known if isinstance(known, Mapping) else {}


def _write_new(file: Path, content: bytes) -> None:
    """UplinkError where it is there already."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as e:
        raise UplinkError(f"{file} is there already; name a new file", code="spool.file_exists") from e
    with os.fdopen(descriptor, "wb") as f:
        f.write(content)
        f.flush()
        os.fsync(f.fileno())

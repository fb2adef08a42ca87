"""docs/devices/, written from the registry, the profiles and the table of what each family tells of a device, so that
the pages claim what the code does and the tests have shown. python -m tests.devices_pages [--check]"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from agent.devices import profile_store
from protocols.device.family import Command, Family, Known, Way, When
from protocols.device.profile import Bit, Profile, Profiles
from protocols.device.registry import FAMILIES
from protocols.status.faults import conditions, fault
from protocols.status.model import FIELDS, FLAGS, DeviceState
from tests.contract.test_identity import TABLE, Tells

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "devices"
EVIDENCE = {
    Known.MANUAL: "known from the manual, not seen on a device",
    Known.CAPTURE: "known from the manual and from answers of a live device that others have published",
    Known.BENCH: "tried on a device on a bench",
    Known.FIELD: "in use on tills",
}
WORDS = tuple(EVIDENCE.values())
_OFTEN = {
    When.POLL: "at every reading",
    When.IDENTIFY: "once after each contact is made, and every few minutes",
    When.SLOW: "every few minutes",
    When.ASK: "only when a person asks",
}
_WAYS = {
    Way.SERIAL: "serial line",
    Way.TCP: "TCP",
    Way.USB: "USB printer class",
    Way.HID: "USB HID",
    Way.SIGNALS: "modem lines of a serial port",
    Way.SPOOLER: "Windows spooler",
    Way.HTTP: "HTTP of a neighbour program",
}


def main() -> int:
    pages = everything(FAMILIES, profile_store.load())
    if "--check" in sys.argv[1:]:
        wrong = list(differences(pages))
        sys.stdout.writelines(f"{line}\n" for line in wrong)
        return 1 if wrong else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        (FOLDER / name).write_text(text, "utf-8")
    return 0


def differences(pages: Mapping[str, str]) -> Iterator[str]:
    there = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")}
    for name in sorted({*there, *pages}):
        if there.get(name) != pages.get(name):
            yield f"docs/devices/{name} is not what the code says: run `make docs`"


def everything(families: Mapping[str, Family], profiles: Mapping[str, Profiles]) -> dict[str, str]:
    """File name -> text."""
    pages = {
        f"{name}.md": page(family, profiles[name], TABLE.get(name, ())) for name, family in families.items()
    }
    return {"README.md": index(families), **pages}


def index(families: Mapping[str, Family]) -> str:
    rows = [
        (
            f"[{name}]({name}.md)",
            "; ".join(family.models),
            ", ".join(_WAYS[way] for way in family.ports.ways),
            f"{family.evidence.known.value}, {family.evidence.since}",
            str(len(family.evidence.open_questions)),
        )
        for name, family in families.items()
    ]
    words = [f"- **{known.value}**: {text}." for known, text in EVIDENCE.items()]
    return _text(
        "# Devices that Plomba reads",
        "Written from the code by `make docs`. Only questions are asked; nothing prints, opens a drawer or changes a"
        " setting.",
        table(("Family", "Devices", "Reached by", "Evidence", "Open questions"), rows),
        "What the evidence means:",
        "\n".join(words),
    )


def page(family: Family, profiles: Profiles, tells: Sequence[Tells]) -> str:
    evidence = family.evidence
    parts = [
        f"# {family.name}",
        f"{'; '.join(family.models)}.",
        f"**Evidence:** {evidence.known.value} ({evidence.since}): {EVIDENCE[evidence.known]}.",
        "## How it is reached",
        reached(family),
        "## What is asked",
        "Nothing but these questions can be encoded; a test holds every byte that can be sent against the list of what"
        " this device must never be sent.",
        table(("Question", "How often"), [(c.name, _OFTEN[c.when]) for c in _ordered(family)]),
        *state(family, profiles),
        *identity(family, tells),
        "## Sources",
        "\n".join(f"- {source}" for source in evidence.sources),
        "## What is not known",
        "\n".join(f"- {question}" for question in evidence.open_questions)
        or "No open question is on record.",
    ]
    return _text(*parts)


def reached(family: Family) -> str:
    ports, lines = family.ports, []
    if ports.serial:
        line = ports.serial
        shape = f"{line.bytesize}{line.parity}{line.stopbits}"
        bauds = ", ".join(map(str, line.bauds))
        lines.append(f"- serial line, {shape}; speeds that are tried, likeliest first: {bauds}")
    if ports.tcp or ports.serial:
        usual = f"; usual ports: {', '.join(map(str, ports.tcp))}" if ports.tcp else ""
        lines.append(f"- TCP, as the device itself or through a serial device server{usual}")
    if ports.usb_printer_class:
        lines.append("- USB printer class")
    lines += [f"- {_WAYS[way]}" for way in ports.messages]
    if family.overhear:
        lines.append("- through a tap, beside the cash program ([how](../how-to/tap.md))")
    if ports.vid_pids:
        ids = ", ".join(f"{vid:04x}:{pid:04x}" for vid, pid in ports.vid_pids)
        lines.append(f"- USB numbers that hint at it: {ids}")
    return "\n".join(lines)


def _ordered(family: Family) -> Sequence[Command]:
    return [command for when in _OFTEN for command in family.commands(when)]


# The state


def state(family: Family, profiles: Profiles) -> list[str]:
    parts = ["## What its status bits mean"]
    if family.capabilities and (profiles.common.bits or profiles.known):
        parts.append("A sensor counts only where the device's own mask says that the model has it.")
    if not profiles.common.bits and not profiles.known:
        return [*parts, "It has no status bits: its answers are words and numbers, and are read as such."]
    if profiles.common.bits:
        title = "### Every model" if profiles.known else ""
        parts += [part for part in (title, bits(profiles.common)) if part]
    for profile in profiles.known:
        same = profile.bits == profiles.common.bits
        parts += [f"### {profile.name}", _models(profile), "As every model." if same else bits(profile)]
    if profiles.known:
        parts.append(
            "A model that none of these names is read by what holds for every model; the rest is unknown."
        )
    return parts


def _models(profile: Profile) -> str:
    who = " ".join(part for part in (profile.maker, ", ".join(profile.models)) if part)
    return f"Models: {who}." if who else "Chosen by the name of the profile."


def bits(profile: Profile) -> str:
    rows = [
        (f"{bit.byte}.{bit.bit}", _meaning(bit, profile), _flag(bit), _fault(bit)) for bit in profile.bits
    ]
    return table(("Byte.bit", "When set", "State", "Fault"), rows)


def _meaning(bit: Bit, profile: Profile) -> str:
    """Two bits that mean one thing share one note."""
    shared = (
        other.note
        for other in profile.bits
        if (other.byte, other.flag) == (bit.byte, bit.flag) and other.note
    )
    return bit.note or next(shared, "")


def _flag(bit: Bit) -> str:
    if not bit.flag:
        return ""
    value = "no" if bit.inverted else "yes"
    return f"{bit.flag}: {value}" + (" (cleared: unknown)" if bit.set_only else "")


def _fault(bit: Bit) -> str:
    """The code that this bit alone brings about, set or cleared."""
    if not bit.flag or bit.flag not in FLAGS:
        return ""
    for value in (True, False):
        shown = conditions(DeviceState().with_flags({bit.flag: value}))
        for code, present in shown.items():
            if present:
                when = "" if value is not bit.inverted else " when cleared"
                return f"`{code}`{when}: {fault(code).en.lower()}"
    return ""


# The identity


def identity(family: Family, tells: Sequence[Tells]) -> list[str]:
    """`tells`: one entry for each emulated model that was asked. What one of them tells is claimed of no other."""
    if not tells:
        return []
    intro = "As the emulated models of the tests tell it; another model of the family may tell more or less."
    return ["## What it says of itself", intro, *(part for one in tells for part in _told(family, one))]


def _told(family: Family, one: Tells) -> Iterator[str]:
    model = one.model or str(one.told.get("model", ""))
    told = ", ".join(map(_spoken, one.told))
    yield f"{f'**{model}**' if model else 'It'} tells {told}." if told else "It tells nothing of itself."
    if one.unknown:
        yield table(("Not told", "Why"), [(_spoken(name), reason) for name, reason in one.unknown.items()])
    if one.counters:
        yield f"Wear counters: {', '.join(map(_spoken, one.counters))}."
    elif family.counters:
        yield "Wear counters: none of this model; some models of the family have them."
    elif one.wear:
        yield f"Wear counters: none; {one.wear}."


def _spoken(name: str) -> str:
    return name.replace("_", " ")


# Markdown


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _text(*parts: str) -> str:
    return "\n\n".join(parts) + "\n"


assert set(FLAGS) <= set(FIELDS)

if __name__ == "__main__":
    sys.exit(main())

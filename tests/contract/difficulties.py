"""What a difficult device does (protocol facts, section 9), as data: for each family of the registry every
difficulty, either as a behaviour of its emulator or with the reason why such a device cannot do it. A family
without a row, and a row without one of the difficulties, fail the suite."""

from collections.abc import Mapping
from dataclasses import dataclass, field

DIFFICULTIES = (
    "split",  # a reply in many pieces
    "slow",  # bytes 50 ms apart
    "waits",  # SYN trains and their kin: it works, then answers
    "nak_once",  # the first frame was damaged, the next is taken
    "stale_sequence",  # the answer to another frame
    "stale_command",  # the answer to another command
    "echo",
    "noise",
    "truncated",
    "wrong_checksum",
    "silent",
    "vanish",  # the port goes in the middle of a reply
    "replay",  # the same frame twice: executed once, answered twice
    "other_variant",  # SYN NAK, as of the other ISL generation
    "stray",  # FFh before ACK and NAK, over RNDIS and TCP
    "marked_checksum",  # a byte in the checksum that marks the line, escaped where the line escapes
    "same_bit",  # one bit that two devices of the family mean differently
    "forbidden",  # every forbidden command is recorded
)


@dataclass(frozen=True, slots=True)
class Does:
    """`name`: the behaviour of the emulator, with `value`. `shows`: bytes, one of which then stands in what the
    device sends."""

    name: str
    value: int = 1
    shows: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Meaning:
    """A device whose answer to `command` has the bit set, and what must be read from it."""

    model: str
    state: Mapping[str, bool | None]
    faults: tuple[str, ...] = ()
    behaviour: str = ""


@dataclass(frozen=True, slots=True)
class SameBit:
    """Bit `bit` of byte `byte`, counted in the status bytes, or in the data where a frame has none."""

    command: str
    byte: int
    bit: int
    devices: tuple[Meaning, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Repeats:
    """A frame that comes again is not executed again. `shows`: what the second answer is, where it is not the
    first one again."""

    shows: bytes = b""


@dataclass(frozen=True, slots=True)
class Records:
    """`codes`: the commands that are sent without data, one frame each, besides the named examples."""

    codes: range = range(0)


Row = Mapping[str, Does | Repeats | SameBit | Records | str]
"""A text is the reason for an exemption."""

_LINE: Row = {
    name: Does(name) for name in ("split", "slow", "echo", "noise", "truncated", "silent", "vanish")
}
_ONE_VARIANT = "it has no second variant on the same preamble"
_NO_STRAY = "only Shtrih devices were seen to do it"
_NO_ESCAPE = "its checksum is written in digits, which mark nothing"
_ONE_MAP = "all its models have one map of the bits"

_ISL: Row = {
    **_LINE,
    "waits": Does("syn", 3, (b"\x16\x16\x16\x01",)),
    "nak_once": Does("nak_once", shows=(b"\x15",)),
    "stale_sequence": Does("stale_sequence"),
    "stale_command": Does("stale_command"),
    "wrong_checksum": Does("wrong_checksum"),
    "replay": Repeats(),
    "other_variant": Does("other_variant", shows=(b"\x16\x15",)),
    "stray": _NO_STRAY,
    "marked_checksum": _NO_ESCAPE,
}

_SHTRIH: Row = {
    **_LINE,
    "stale_command": Does("stale_command"),
    "wrong_checksum": Does("wrong_checksum"),
    "other_variant": _ONE_VARIANT,
    "same_bit": SameBit(
        "short status",
        2,
        3,
        (
            Meaning("ШТРИХ-М-01Ф", {"drawer_open": True}, ("drawer_open",)),
            Meaning("SHTRIH-NANO-F", {"drawer_open": None}),  # seen live: set, and no drawer sensor declared
        ),
    ),
    "forbidden": Records(range(1, 0xFF)),
}

_ATOL: Row = {
    **_LINE,
    "stale_command": Does("stale_command"),
    "wrong_checksum": Does("wrong_checksum"),
    "other_variant": _ONE_VARIANT,
    "stray": _NO_STRAY,
    "same_bit": SameBit(
        "state",
        8,
        2,
        (
            Meaning("ATOL 30F", {"drawer_sensor_high": True, "drawer_open": None}, ("drawer_open",)),
            Meaning("ATOL 11F", {"drawer_sensor_high": True, "drawer_open": None}, (), "drawer_open_is_low"),
        ),
    ),
    "forbidden": Records(range(0x100)),
}

_RECEIPT_PRINTER: Row = {
    **_LINE,
    "waits": "it answers the status at once, whatever it does",
    "nak_once": "it does not tell that it read bytes wrongly",
    "stale_sequence": "its answers carry no number",
    "stale_command": "its answers do not name their question; late ones are tried over the late link",
    "wrong_checksum": Does("wrong_pattern"),  # fixed bits stand where others have a checksum
    "replay": "its questions carry no number; asked twice, it answers twice",
    "other_variant": _ONE_VARIANT,
    "stray": _NO_STRAY,
    "marked_checksum": "there is no checksum in its answers",
    "forbidden": Records(),
}

_NO_LINE = "its port carries whole messages: they come as they were sent or not at all"
MESSAGES: Row = {
    **dict.fromkeys(
        ("split", "slow", "echo", "noise", "truncated", "wrong_checksum", "marked_checksum"), _NO_LINE
    ),
    "waits": "it never says that it works",
    "nak_once": "it does not tell that a message was damaged",
    "stale_sequence": "its answers carry no number",
    "stale_command": "it has one answer only",
    "silent": Does("silent"),
    "vanish": _NO_LINE,
    "replay": "its questions carry no number",
    "other_variant": _ONE_VARIANT,
    "stray": _NO_STRAY,
    "same_bit": _ONE_MAP,
    "forbidden": Records(),
}
"""Of a family whose ports carry whole messages."""

TELLING = frozenset(
    {
        "error", "error_frame", "short_status", "unsent_documents", "drawer_open_is_low", "no_identity",
        "no_near_end_sensor", "network", "asb_before",
    }
)  # fmt: skip
"""Behaviours that are another thing to tell, not a difficulty to be overcome."""

TABLE: Mapping[str, Row] = {
    "datecs_isl_legacy": {
        **_ISL,
        "same_bit": SameBit(
            "status",
            1,
            5,
            (
                Meaning("FP-1000", {"cover_open": True, "cutter_error": None}, ("cover_open",)),
                Meaning("A1", {"cover_open": True, "cutter_error": None}, ("cover_open",)),
                Meaning("CompactM", {"cover_open": None, "cutter_error": True}, ("cutter_error",)),
                Meaning("DP-25", {"cover_open": None, "cutter_error": None}, ("documents_unsent",)),
                Meaning("FP-700", {"cover_open": False, "cutter_error": None}, ("rotated_text",)),
            ),
        ),
        "forbidden": Records(range(0x20, 0x100)),
    },
    "datecs_isl_x": {**_ISL, "same_bit": _ONE_MAP, "forbidden": Records(range(0x20, 0x100))},
    "shtrih_v1": {
        **_SHTRIH,
        "waits": Does("busy_once", shows=(b"\x06",)),
        "nak_once": Does("nak_once", shows=(b"\x15",)),
        "stale_sequence": Does("left_over", shows=(b"\x06\x02",)),
        "replay": "its frames carry no number: it would execute the second one",
        "stray": Does("stray", shows=(b"\xff\x15", b"\xff\x06")),
        "marked_checksum": Does("marked_checksum", shows=(b"\x02",)),
    },
    "shtrih_v2": {
        **_SHTRIH,
        "waits": "it has no byte for it; that it prints is error 50h, which ends the question as busy",
        "nak_once": "it has no byte for it: a damaged frame is met with silence",
        "stale_sequence": Does("stale_number"),
        "replay": Repeats(),
        "stray": "there is no ACK or NAK on this line",
        "marked_checksum": Does("marked_checksum", shows=(b"\x9f\x81", b"\x9f\x83")),
    },
    "atol_v2": {
        **_ATOL,
        "waits": Does("busy_once", shows=(b"\x15",)),
        "nak_once": Does("nak_once", shows=(b"\x15",)),
        "stale_sequence": "its frames carry no number",
        "replay": "its frames carry no number: it would execute the second one",
        "marked_checksum": Does("marked_checksum", shows=(b"\x03\x03",)),
    },
    "atol_v3": {
        **_ATOL,
        "waits": Does("pending", 2, (b"\xa1", b"\xa2")),
        "nak_once": Does("nak_once", shows=(b"\xfe\x00\x00",)),
        "stale_sequence": Does("stale_sequence"),
        "replay": Repeats(b"\xb2"),  # the task exists already; its result can still be asked for
        "marked_checksum": Does("marked_checksum", shows=(b"\xfd\xee", b"\xfd\xed")),
    },
    "tremol_zfp": {
        **_LINE,
        "waits": Does("retry_once", shows=(b"\x0e",)),
        "nak_once": Does("nack_once", shows=(b"\x15",)),
        "stale_sequence": Does("stale_number"),
        "stale_command": Does("stale_command"),
        "wrong_checksum": Does("wrong_checksum"),
        "replay": "its manual gives the number of a packet no other use than to tell answers apart",
        "other_variant": _ONE_VARIANT,
        "stray": _NO_STRAY,
        "marked_checksum": _NO_ESCAPE,
        "same_bit": _ONE_MAP,
        "forbidden": Records(range(0x20, 0x80)),
    },
    "posnet": {
        **_LINE,
        "waits": "it has no byte for it; the questions that are asked stand outside its queue",
        "nak_once": Does("nak_once", shows=(b"ERR\t?5\t",)),
        "stale_sequence": Does("stale_token"),
        "stale_command": Does("stale_command"),
        "wrong_checksum": Does("wrong_checksum"),
        "replay": "a token only marks the answer; an old answer is had with a command of its own, rpt",
        "other_variant": _ONE_VARIANT,
        "stray": _NO_STRAY,
        "marked_checksum": _NO_ESCAPE,
        "same_bit": "it tells its state in numbers and letters of one meaning",
        "forbidden": Records(),
    },
    "escpos": {
        **_RECEIPT_PRINTER,
        "truncated": "a status is one byte and has no half",
        "same_bit": SameBit(
            "printer status",
            0,
            2,
            (
                Meaning("TM-T20III", {"drawer_sensor_high": True, "drawer_open": None}, ("drawer_open",)),
                Meaning(
                    "TM-T20III", {"drawer_sensor_high": True, "drawer_open": None}, (), "drawer_open_is_low"
                ),
            ),
        ),
    },
    "star_line": {
        **_RECEIPT_PRINTER,
        "same_bit": "one map of bits; which of them a model has is tried in its own tests",
    },
    "posiflex_hid": MESSAGES,
    "erpnet_fp": MESSAGES,
    "windows_spooler": MESSAGES,
    "signal_drawer": {**MESSAGES, "silent": "a look at the lines always shows something"},
}

"""What may be moved at a device on an operator's word: one pulse on a cash drawer. Kept apart from the families, so
that nothing that polls, probes or discovers can come by it; and in bytes of its own, so that no codec makes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class PhysicalTest:
    """`data` is written once and nothing answers it. Nothing is printed, sold or set by it. `source` is the manual."""

    name: str
    data: bytes
    source: str


_PULSE = b"\x19\xfa"
"""On for 25 x 2 ms, off for 250 x 2 ms: within the duty cycle of one part in five (Citizen iDP-3410)."""
_ESC_P = "ESC p m t1 t2: Wincor TH230 p. 72, Star CBM-820 p. 64"

PHYSICAL_TESTS: Mapping[str, Mapping[str, PhysicalTest]] = MappingProxyType(
    {
        "escpos": MappingProxyType(
            {
                "pin_2": PhysicalTest("pin_2", b"\x1bp\x00" + _PULSE, _ESC_P),
                "pin_5": PhysicalTest("pin_5", b"\x1bp\x01" + _PULSE, _ESC_P),
            }
        )
    }
)
"""Family -> name -> what to write. The names are those of protocols.wire.job.DrawerTest."""

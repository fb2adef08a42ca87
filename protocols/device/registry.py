"""Every family, by hand: finding them by listing the package gives nothing, silently, in a frozen agent."""

from collections.abc import Iterator, Mapping
from importlib import import_module

from protocols.device.family import Family

_NAMES = (
    "escpos",  # first: its question disturbs no other device, and most devices are of this family
    "star_line",
    "datecs_isl_legacy",
    "datecs_isl_x",
    "shtrih_v1",
    "shtrih_v2",
    "atol_v2",
    "atol_v3",
    "posnet",
    "tremol_zfp",
    "signal_drawer",
    "posiflex_hid",
    "erpnet_fp",
    "windows_spooler",
)
"""Each is the name of the family and of its module, which exports it as FAMILY."""


class _Families(Mapping[str, Family]):
    """A module is imported when its family is asked for: a till has devices of two or three."""

    def __init__(self) -> None:
        self._known: dict[str, Family] = {}

    def __getitem__(self, name: str) -> Family:
        if name not in self._known:
            if name not in _NAMES:
                raise KeyError(name)
            family: Family = import_module(f"protocols.device.{name}").FAMILY
            self._known[name] = family
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in _NAMES

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


FAMILIES: Mapping[str, Family] = _Families()

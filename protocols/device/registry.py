"""Every family, by hand: finding them by listing the package gives nothing, silently, in a frozen agent."""

from collections.abc import Mapping

from protocols.device.atol_v2 import FAMILY as ATOL_V2
from protocols.device.atol_v3 import FAMILY as ATOL_V3
from protocols.device.datecs_isl_legacy import FAMILY as DATECS_ISL_LEGACY
from protocols.device.datecs_isl_x import FAMILY as DATECS_ISL_X
from protocols.device.erpnet_fp import FAMILY as ERPNET_FP
from protocols.device.escpos import FAMILY as ESCPOS
from protocols.device.family import Family
from protocols.device.posiflex_hid import FAMILY as POSIFLEX_HID
from protocols.device.posnet import FAMILY as POSNET
from protocols.device.shtrih_v1 import FAMILY as SHTRIH_V1
from protocols.device.shtrih_v2 import FAMILY as SHTRIH_V2
from protocols.device.signal_drawer import FAMILY as SIGNAL_DRAWER
from protocols.device.star_line import FAMILY as STAR_LINE
from protocols.device.tremol_zfp import FAMILY as TREMOL_ZFP
from protocols.device.windows_spooler import FAMILY as WINDOWS_SPOOLER

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        ESCPOS,  # first: its question disturbs no other device, and most devices are of this family
        STAR_LINE,
        DATECS_ISL_LEGACY,
        DATECS_ISL_X,
        SHTRIH_V1,
        SHTRIH_V2,
        ATOL_V2,
        ATOL_V3,
        POSNET,
        TREMOL_ZFP,
        SIGNAL_DRAWER,
        POSIFLEX_HID,
        ERPNET_FP,
        WINDOWS_SPOOLER,
    )
}

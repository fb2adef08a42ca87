"""Every family, by hand: finding them by listing the package gives nothing, silently, in a frozen agent."""

from collections.abc import Mapping

from protocols.device.atol_v2 import FAMILY as ATOL_V2
from protocols.device.atol_v3 import FAMILY as ATOL_V3
from protocols.device.datecs_isl_legacy import FAMILY as DATECS_ISL_LEGACY
from protocols.device.datecs_isl_x import FAMILY as DATECS_ISL_X
from protocols.device.escpos import FAMILY as ESCPOS
from protocols.device.family import Family
from protocols.device.tremol_zfp import FAMILY as TREMOL_ZFP

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        DATECS_ISL_LEGACY,
        DATECS_ISL_X,
        ATOL_V2,
        ATOL_V3,
        ESCPOS,
        TREMOL_ZFP,
    )
}

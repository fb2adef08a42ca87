"""The agent's own package on its way to a till: where it is fetched, and the order on whose word it is installed."""

from typing import Literal

from protocols.wire.job import Digest, Part, SignedJob, SignedOperators

PATH_PACKAGES = "/api/agent/v1/packages"
"""GET PATH_PACKAGES/SHA256/OFFSET: up to PIECE_BYTES of the package from there on, nothing behind its end."""
PIECE_BYTES = 512 << 10
PACKAGE_BYTES = 512 << 20
"""A package that is larger is not the agent's."""
ORDER_BYTES = 256 << 10
NAME = "plomba-agent"
"""Of the package, in its own control file."""


class Order(Part):
    """What the agent leaves for the updater, which has more rights than the agent and therefore proves it once more:
    the signed job with the signed list of operators, as they came."""

    version: Literal[1] = 1
    job: SignedJob
    operators: SignedOperators


def piece_path(sha256: Digest, offset: int) -> str:
    return f"{PATH_PACKAGES}/{sha256}/{offset}"

"""What an open port can do."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Protocol, Self, runtime_checkable


class Port(Protocol):
    """An open, exclusive way to one device. PortGone from any method when it vanished; after that only
    `close`. A context manager that closes; nothing ever opens it again."""

    def write(self, data: bytes) -> None:
        """Hand all bytes over, or raise PortGone."""

    def read(self, wait_s: float) -> bytes:
        """What has come, as soon as anything has; b"" when `wait_s` passed with nothing."""

    def contended(self) -> bool:
        """True when another program got hold of the port while we had it: what was read may belong to it."""

    def close(self) -> None:
        """May be repeated; never raises."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Closing(ABC):
    """The context manager of a port: closes it, and opens nothing."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@runtime_checkable
class Telling(Protocol):
    """A port that itself knows something of what is behind it."""

    def tells(self) -> tuple[str, ...]:
        """In words for a person. Hints: no fault and no state is made of them."""

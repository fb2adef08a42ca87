"""What the agent asks of the service manager of a platform: systemd (`systemd_service`) or the Windows Service Control
Manager (`windows_service`). Each is a module with these functions; nothing here touches the system."""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from protocols.errors import PlombaError

NAME = "plomba-agent"
"""The name of the service, on both platforms."""


class ServiceError(PlombaError):
    """The service manager did not do it; `str()` says what it said."""

    code = "service.failed"


class ServiceDenied(ServiceError):
    """This account may not change services."""

    code = "service.denied"


class NoServiceManager(ServiceError):
    """There is none on this computer that the agent knows."""

    code = "service.no_manager"


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """`enabled`: starts with the computer; `running`, `pid`: now. None is unknown, or does not apply because it is not
    installed. `detail`: what the service manager calls it, for people."""

    installed: bool
    enabled: bool | None = None
    running: bool | None = None
    pid: int | None = None
    detail: str = ""


class ServiceManager(Protocol):
    """All but the plans raise ServiceError. Each may be repeated: installing twice installs what is new, removing what
    is not there does nothing."""

    def install(self, config: Path) -> None:
        """Start the agent with the computer from now on, and now, with this configuration."""

    def remove(self) -> None:
        """Stop it and forget it. The state folder and the configuration stay."""

    def status(self) -> ServiceStatus: ...

    def plan_install(self, config: Path) -> tuple[str, ...]:
        """What `install` would do, one line a step; changes nothing."""

    def plan_remove(self) -> tuple[str, ...]: ...


def manager() -> ServiceManager:
    """The module of this platform."""
    name = "windows_service" if sys.platform == "win32" else "systemd_service"
    return cast(ServiceManager, importlib.import_module(f"agent.runtime.{name}"))

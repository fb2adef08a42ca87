"""The process that the Service Control Manager of Windows starts: it runs the resident agent until it is told to
stop, and says how it is meanwhile. Nobody else can start it."""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

import io
import logging
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pywintypes
import servicemanager
import win32service
import win32serviceutil
import winerror

from agent.runtime import resident
from agent.runtime.service_manager import NAME, ServiceError

STOP_S = 15
"""So long the SCM shall wait for the end before it calls the service stuck."""
_config = Path()

log = logging.getLogger(__name__)


class AgentFailed(Exception):
    """It leaves the service's main function, which is how the SCM learns that the service failed and is to be
    started anew."""


class Resident(win32serviceutil.ServiceFramework):
    """Made and called by pywin32, in threads of its own choice."""

    _svc_name_ = NAME

    def __init__(self, arguments: Sequence[str]) -> None:
        super().__init__(arguments)
        self._stop = Event()

    def SvcDoRun(self) -> None:  # noqa: N802 - pywin32's name
        servicemanager.LogMsg(
            servicemanager.EVENTLOG_INFORMATION_TYPE, servicemanager.PYS_SERVICE_STARTED, (NAME, "")
        )
        code = resident.run(_config, self._stop, wait=True, service=True)
        if code:
            raise AgentFailed(f"the agent ended with {code}; its log says why")
        servicemanager.LogMsg(
            servicemanager.EVENTLOG_INFORMATION_TYPE, servicemanager.PYS_SERVICE_STOPPED, (NAME, "")
        )

    def SvcStop(self) -> None:  # noqa: N802 - pywin32's name
        self.ReportServiceStatus(win32service.SERVICE_STOP_PENDING, waitHint=STOP_S * 1000)
        self._stop.set()

    SvcShutdown = SvcStop

    def SvcInterrogate(self) -> None:  # noqa: N802 - pywin32's name
        """pywin32's own says that it runs, even to one who asks while it stops."""
        stopping = self._stop.is_set()
        self.ReportServiceStatus(
            win32service.SERVICE_STOP_PENDING if stopping else win32service.SERVICE_RUNNING
        )


class Told(io.TextIOBase):
    """Where a service's words for standard error go: it has none."""

    def write(self, text: str) -> int:
        if text.strip():
            log.warning("%s", text.strip())
        return len(text)


def host(config: Path) -> int:
    """0 after the service has stopped. ServiceError where a person started it."""
    global _config  # noqa: PLW0603 - pywin32 makes the object of the class by itself
    _config = config
    sys.stdout = sys.stderr = Told()
    servicemanager.Initialize(NAME, servicemanager.__file__)
    servicemanager.PrepareToHostSingle(Resident)
    try:
        servicemanager.StartServiceCtrlDispatcher()  # type: ignore[no-untyped-call] # its stub has no types
    except pywintypes.error as e:
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        if e.winerror == winerror.ERROR_FAILED_SERVICE_CONTROLLER_CONNECT:
            raise ServiceError(
                "only Windows starts this; a person says plomba-agent run, or plomba-agent service install"
            ) from e
        raise ServiceError(f"{e.funcname}: {e.strerror} (Windows error {e.winerror})") from e
    return 0

"""The agent as a service of Windows: what the Service Control Manager (SCM) is told when it is installed and taken out,
and what it says of it. See `service_manager.ServiceManager`; the process that the SCM starts is `windows_host`."""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, cast

import psutil
import pywintypes
import win32evtlogutil
import win32service
import winerror

from agent.config import load
from agent.runtime import windows_trust
from agent.runtime.clock import SystemClock
from agent.runtime.logs import SOURCE
from agent.runtime.service_manager import NAME, ServiceDenied, ServiceError, ServiceStatus

if TYPE_CHECKING:
    from _win32typing import PySC_HANDLE

TITLE = "Plomba agent"
ABOUT = "Watches over the till, its printers and its backups, and tells the service desk."
RESTART_S = (5, 30, 60)
"""The waits before the SCM starts an agent anew that broke off, the first, second and every later time of a day."""
_FORGET_S = 86400
_STEP_S = 30.0
_LOOK_S = 0.1
_STATES = {
    win32service.SERVICE_STOPPED: "stopped",
    win32service.SERVICE_START_PENDING: "starting",
    win32service.SERVICE_STOP_PENDING: "stopping",
    win32service.SERVICE_RUNNING: "running",
    win32service.SERVICE_CONTINUE_PENDING: "continuing",
    win32service.SERVICE_PAUSE_PENDING: "pausing",
    win32service.SERVICE_PAUSED: "paused",
}


def install(config: Path) -> None:
    """ConfigError where the configuration is wrong: a service that cannot start is not installed. Untrusted where
    others could change what it goes by."""
    state_dir = load(config).agent.state_dir
    windows_trust.demand(config)
    if state_dir.exists():
        windows_trust.demand(state_dir)
    with _manager(win32service.SC_MANAGER_ALL_ACCESS) as scm:
        service = _created(scm, own_command(config))
        try:
            _describe(service)
            _stop(service)  # so that an older one takes the new command
            win32service.StartService(service, None)
            _await(service, win32service.SERVICE_RUNNING)
        finally:
            win32service.CloseServiceHandle(service)
    win32evtlogutil.AddSourceToRegistry(SOURCE)


def remove() -> None:
    with _manager(win32service.SC_MANAGER_ALL_ACCESS) as scm:
        service = _opened(scm, win32service.SERVICE_ALL_ACCESS)
        if service is not None:
            try:
                _stop(service)
                _delete(service)
            finally:
                win32service.CloseServiceHandle(service)
    with suppress(pywintypes.error):  # it was never there
        win32evtlogutil.RemoveSourceFromRegistry(SOURCE)


def status() -> ServiceStatus:
    with _manager(win32service.SC_MANAGER_CONNECT) as scm:
        service = _opened(scm, win32service.SERVICE_QUERY_STATUS | win32service.SERVICE_QUERY_CONFIG)
        if service is None:
            return ServiceStatus(installed=False)
        try:
            now = _now(service)
            start_type = win32service.QueryServiceConfig(service)[1]
        finally:
            win32service.CloseServiceHandle(service)
    return ServiceStatus(
        installed=True,
        enabled=start_type == win32service.SERVICE_AUTO_START,
        running=now["CurrentState"] == win32service.SERVICE_RUNNING,
        pid=now["ProcessId"] or None,
        detail=_STATES.get(now["CurrentState"], str(now["CurrentState"])),
    )


def plan_install(config: Path) -> tuple[str, ...]:
    load(config)
    waits = ", ".join(map(str, RESTART_S))
    return (
        f"create or change the service {NAME}: {own_command(config)}",
        f"start it with Windows, as LocalSystem; start it anew {waits} s after it broke off",
        f"register {SOURCE!r} with the Event Log",
        f"start the service {NAME}",
    )


def plan_remove() -> tuple[str, ...]:
    if not status().installed:
        return ()
    return (f"stop and delete the service {NAME}", f"take {SOURCE!r} out of the Event Log's sources")


def own_command(config: Path) -> str:
    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "agent.cli"]
    return subprocess.list2cmdline([*program, "service", "host", "--config", str(config.absolute())])


@contextmanager
def _manager(access: int) -> Iterator["PySC_HANDLE"]:
    try:
        scm = win32service.OpenSCManager(None, None, access)
        try:
            yield scm
        finally:
            win32service.CloseServiceHandle(scm)
    except pywintypes.error as e:
        if e.winerror == winerror.ERROR_ACCESS_DENIED:
            raise ServiceDenied("this account may not change the services of this computer") from e
        if e.winerror == winerror.ERROR_SERVICE_MARKED_FOR_DELETE:
            raise ServiceError(
                "the service was taken out, and another program still looks at it: close the window of the"
                " services, or start the computer anew"
            ) from e
        raise ServiceError(f"{e.funcname}: {e.strerror} (Windows error {e.winerror})") from e


def _opened(scm: "PySC_HANDLE", access: int) -> "PySC_HANDLE | None":
    """None where there is no such service."""
    try:
        return win32service.OpenService(scm, NAME, access)
    except pywintypes.error as e:
        if e.winerror == winerror.ERROR_SERVICE_DOES_NOT_EXIST:
            return None
        raise


def _created(scm: "PySC_HANDLE", command: str) -> "PySC_HANDLE":
    service = _opened(scm, win32service.SERVICE_ALL_ACCESS)
    kind, start = win32service.SERVICE_WIN32_OWN_PROCESS, win32service.SERVICE_AUTO_START
    on_error = win32service.SERVICE_ERROR_NORMAL
    if service is not None:
        win32service.ChangeServiceConfig(
            service, kind, start, on_error, command, None, False, None, None, None, TITLE
        )
        return service
    return win32service.CreateService(
        scm, NAME, TITLE, win32service.SERVICE_ALL_ACCESS, kind, start, on_error, command,
        None, False, None, None, None,
    )  # fmt: skip


def _describe(service: "PySC_HANDLE") -> None:
    """The failure actions hold for a process that vanished and for one that said that it failed."""
    actions = [(win32service.SC_ACTION_RESTART, wait_s * 1000) for wait_s in RESTART_S]
    win32service.ChangeServiceConfig2(service, win32service.SERVICE_CONFIG_DESCRIPTION, ABOUT)
    win32service.ChangeServiceConfig2(
        service,
        win32service.SERVICE_CONFIG_FAILURE_ACTIONS,
        {"ResetPeriod": _FORGET_S, "RebootMsg": "", "Command": "", "Actions": actions},
    )
    try:
        win32service.ChangeServiceConfig2(service, win32service.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, True)
    except pywintypes.error as e:
        if (
            e.winerror != winerror.ERROR_INVALID_LEVEL
        ):  # Wine 8 does not know it; every Windows since Vista does
            raise


def _stop(service: "PySC_HANDLE") -> None:
    """Returns when its process has ended too, so that its files can be replaced."""
    now = _now(service)
    if now["CurrentState"] == win32service.SERVICE_STOPPED:
        return
    try:
        win32service.ControlService(service, win32service.SERVICE_CONTROL_STOP)
    except pywintypes.error as e:
        if e.winerror not in (winerror.ERROR_SERVICE_NOT_ACTIVE, winerror.ERROR_SERVICE_CANNOT_ACCEPT_CTRL):
            raise  # else it is on its way already
    _await(service, win32service.SERVICE_STOPPED)
    if now["ProcessId"]:
        with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            psutil.Process(now["ProcessId"]).wait(_STEP_S)


def _now(service: "PySC_HANDLE") -> Mapping[str, int]:
    return cast(Mapping[str, int], win32service.QueryServiceStatusEx(service))


def _delete(service: "PySC_HANDLE") -> None:
    """Windows forgets it when the last program that looks at it has closed it."""
    try:
        win32service.DeleteService(service)
    except pywintypes.error as e:
        if e.winerror != winerror.ERROR_SERVICE_MARKED_FOR_DELETE:
            raise


def _await(service: "PySC_HANDLE", wanted: int) -> None:
    """ServiceError where it does not come to that state in time, or stopped instead of starting."""
    clock, never = SystemClock(), Event()
    over = clock.monotonic() + _STEP_S
    state = win32service.QueryServiceStatus(service)[1]
    while state != wanted:
        if state == win32service.SERVICE_STOPPED or clock.monotonic() > over:
            raise ServiceError(
                f"the service is {_STATES.get(state, state)} and not {_STATES[wanted]}; the Event Log says why"
            )
        clock.wait(never, _LOOK_S)
        state = win32service.QueryServiceStatus(service)[1]

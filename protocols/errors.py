"""The whole error tree. `code` is a stable dotted string shown to people and searchable in the knowledge
base.

PlombaError
├── DeviceError      NoReply* Garbled* Busy* Rejected Unexpected
├── PortError        PortGone* PortHeld* PortDenied
├── BackupError      SnapshotFailed* RepositoryUnreachable* RepositoryRefused IntegrityError
├── UplinkError      CollectorUnreachable* ReportRefused
├── JobError
├── ConfigError      (file, key, allowed)
└── UsageError       our own bug
                     * retriable
"""


class PlombaError(Exception):
    """`code`: stable dotted string; `retriable`: may the same call succeed later; `maker_code`: the device's
    own."""

    code = "plomba.error"
    retriable = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        retriable: bool | None = None,
        maker_code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.retriable = type(self).retriable if retriable is None else retriable
        self.maker_code = maker_code


class DeviceError(PlombaError):
    code = "device.error"


class NoReply(DeviceError):
    """Silence through all tries."""

    code = "device.no_reply"
    retriable = True


class Garbled(DeviceError):
    """Bytes came, but no valid frame of this family."""

    code = "device.garbled"
    retriable = True


class Busy(DeviceError):
    """The device says that it works on something else."""

    code = "device.busy"
    retriable = True


class Rejected(DeviceError):
    """A valid answer that refuses the command; `maker_code` has the device's reason."""

    code = "device.rejected"


class Unexpected(DeviceError):
    """A valid answer whose content is not what the manual of this family says, or proves another family."""

    code = "device.unexpected"


class PortError(PlombaError):
    code = "port.error"


class PortGone(PortError):
    """The port does not exist, or vanished while in use."""

    code = "port.gone"
    retriable = True


class PortHeld(PortError):
    """Another program has the port: a healthy state of a till, never a fault."""

    code = "port.held"
    retriable = True


class PortDenied(PortError):
    """The system refuses this account."""

    code = "port.denied"


class BackupError(PlombaError):
    code = "backup.error"


class SnapshotFailed(BackupError):
    code = "backup.snapshot_failed"
    retriable = True


class RepositoryUnreachable(BackupError):
    code = "backup.repository_unreachable"
    retriable = True


class RepositoryRefused(BackupError):
    code = "backup.repository_refused"


class IntegrityError(BackupError):
    """Stored bytes are not what was stored. Never retried, never repaired silently."""

    code = "backup.integrity"


class UplinkError(PlombaError):
    code = "uplink.error"


class CollectorUnreachable(UplinkError):
    """`retry_after_s`: the wait that the collector asked for, None where it did not answer at all."""

    code = "uplink.unreachable"
    retriable = True

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class ReportRefused(UplinkError):
    """The collector answered with a problem document; `code` is its code."""

    code = "uplink.refused"


class JobError(PlombaError):
    code = "job.error"


class ConfigError(PlombaError):
    """One wrong key of one file. `str()` is the one line that a person needs."""

    code = "config.invalid"

    def __init__(
        self, file: str, key: str, problem: str, allowed: str = "", *, code: str | None = None
    ) -> None:
        hint = f"; allowed: {allowed}" if allowed else ""
        super().__init__(f"{file}: {key}: {problem}{hint}", code=code)
        self.file = file
        self.key = key
        self.problem = f"{problem}{hint}"
        self.allowed = allowed


class UsageError(PlombaError):
    """A bug of ours: the caller broke a contract. Always a traceback."""

    code = "plomba.usage"

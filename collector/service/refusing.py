"""Why the service desk refuses something. The code is stable; pages put it into words."""

from protocols.errors import PlombaError


class ServiceRefused(PlombaError):
    """`service.state`, `change.*`, `visit.*`, `problem.*`, `rota.*`, `queue.*`. `detail`: what the words name, such as
    a till or a time."""

    code = "service.refused"

    def __init__(self, message: str, *, code: str | None = None, detail: str = "") -> None:
        super().__init__(message, code=code)
        self.detail = detail

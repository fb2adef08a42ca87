"""The one ASGI application: /api/agent/ goes to the raw ingest door, everything else to Django."""

import asyncio
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collector.settings")
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402 - after setup

from collector.ingest.app import PREFIX  # noqa: E402
from collector.ingest.request import Receive, Scope, Send  # noqa: E402
from collector.ingest.running import Running  # noqa: E402
from collector.web.bounded import bounded  # noqa: E402

_pages = bounded(get_asgi_application())  # type: ignore[arg-type] # asgiref's own scope types
_running = Running()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "http" and scope["path"].startswith(PREFIX):
        await _running.door(scope, receive, send)
    else:
        await _pages(scope, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _running.start()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(_running.stop)
            await send({"type": "lifespan.shutdown.complete"})
            return

"""The HTTP server: health for whoever watches us, metrics, the vendors' hooks, and the API for other programs."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from bot.api import Api, ApiToken
from bot.feed import Feed
from bot.inbound import Inbound
from bot.openapi import PATH, document
from bot.page import Page
from bot.ports import Front, Hook
from bot.raising import ALERTS_PER_HOUR
from bot.source_hooks import SourceHooks
from bot.web import BODY_LIMIT, answer, quiet_headers, read_body, speak_json
from deskbell.net import metrics

_READY_SECONDS = 5.0
_PUBLIC = re.compile(r"https://[^\s/?#]+(/\S*)?$|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/\S*)?$")
_STOP_SECONDS = 5.0

log = logging.getLogger("deskbell.server")


@dataclass(frozen=True, slots=True)
class ServerConf:
    """Where to listen (port 0: any that is free), and which programs may call."""

    host: str = "127.0.0.1"
    port: int = 8780
    tokens: tuple[ApiToken, ...] = ()
    alerts_per_hour: int = ALERTS_PER_HOUR  # for each caller of the API, and each channel that raises alerts
    public_url: str = ""  # where people's browsers and the chats reach this server, like https://desk.example.org

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError("port must be from 0 to 65535; 0 takes any that is free")
        if self.public_url and not _PUBLIC.match(self.public_url):
            raise ValueError("public_url must begin with https://, like https://desk.example.org")
        if self.alerts_per_hour < 1:
            raise ValueError("alerts_per_hour must be 1 or more")


class Server:
    """`hooks` maps a path to what answers there, like /slack/events in Slack's HTTP mode. Each verifies its caller.

    `page`: what stands behind a one-way card's link. `pushed`: where sources say what has changed; `inbound`: where
    vendors do. `api`: whether other programs may call.
    """

    def __init__(
        self,
        conf: ServerConf,
        front: Front,
        hooks: Mapping[str, Hook] | None = None,
        page: Page | None = None,
        pushed: SourceHooks | None = None,
        inbound: Inbound | None = None,
        *,
        api: bool = True,
    ) -> None:
        self._conf, self._front, self._page = conf, front, page
        self._app = web.Application(client_max_size=BODY_LIMIT, middlewares=[speak_json])
        self._app.on_response_prepare.append(quiet_headers)
        self._app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                *((web.get(PATH, _described), *Api(front, conf.tokens, conf.alerts_per_hour).routes()) if api else ()),
                *((*page.routes(), *Feed(front).routes()) if page else ()),
                *(pushed.routes() if pushed else ()),
                *(inbound.routes() if inbound else ()),
                *(web.post(path, _hooked(hook)) for path, hook in (hooks or {}).items()),
            ]
        )
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listens. Raises OSError when the address is taken."""
        self._runner = web.AppRunner(
            self._app,
            handle_signals=False,
            access_log=None,
            shutdown_timeout=_STOP_SECONDS,
            keepalive_timeout=30,
            auto_decompress=False,  # signatures are over what was sent, and a packed body may unpack to anything
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, self._conf.host, self._conf.port).start()
        log.info("listening on http://%s:%d", self._conf.host, self.port)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._page is not None:
            await self._page.close()

    @property
    def port(self) -> int:
        """The port it listens on; the configured one before the start."""
        addresses = self._runner.addresses if self._runner else []
        return int(addresses[0][1]) if addresses else self._conf.port

    async def _healthz(self, _request: web.Request) -> web.Response:
        """The process lives and its loop turns; nothing else is asked."""
        return answer({"alive": True, **self._front.health()})

    async def _readyz(self, _request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                ready, reasons = await self._front.ready()
        except Exception as error:
            log.exception("the readiness check failed")
            ready, reasons = False, [f"the check itself failed: {type(error).__name__}"]
        return answer({"ready": ready, "reasons": list(reasons)}, 200 if ready else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})


async def _described(_request: web.Request) -> web.Response:
    """No secret: what may be sent, not what is here."""
    return answer(document())


def _hooked(hook: Hook) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        status, headers, body = await hook(request.headers, await read_body(request))
        return web.Response(status=status, headers=headers, body=body)

    return handle

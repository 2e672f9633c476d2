"""The local server of a page."""

import asyncio
from collections.abc import Callable

import xarray as xr
from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.document import Document
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.settings import settings
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.routing import Matcher, Rule, RuleRouter

from qthermo_jax.plotting import PlotError
from qthermo_jax.viewer.choice import Choice
from qthermo_jax.viewer.page import Page

# Nobody but this machine: the page has no password.
_HOST = "127.0.0.1"
_OF_HTTP = 80


def serve(
    data: xr.Dataset,
    second: xr.Dataset | None = None,
    port: int = 0,
    *,
    browser: bool = True,
    tell: Callable[[str], object],
) -> None:
    """Show the page of a result, or of two, until interrupted. A link's query says what is chosen.

    It listens on the loopback address alone, answers requests that name it as their host and come from
    its own page, and brings all that the browser loads.

    Args:
        data: a result as `open_result` returns it.
        second: another one, drawn over the first or beside it.
        port: where it listens; 0: any that is free.
        browser: open the page.
        tell: called with its address.

    Raises:
        PlotError: the port is taken, or there is nothing to show.
        KeyboardInterrupt: how it ends.
    """
    Page(data, second)  # what cannot be shown is said here, not in the browser

    def fill(document: Document) -> None:
        document.title = str(data.attrs.get("title", "qthermo"))
        request = getattr(document.session_context, "request", None)
        choice = Choice.of_query(request.arguments if request else {})
        document.add_root(Page(data, second, choice).root)

    async def until_interrupted() -> None:
        server = _listening(Application(FunctionHandler(fill)), port)
        address = f"http://{_HOST}:{server.port}/"
        tell(address)
        if browser:
            server.show("/")
        await asyncio.Event().wait()

    asyncio.run(until_interrupted())


def _listening(application: Application, port: int) -> BaseServer:
    try:
        sockets = bind_sockets(port, address=_HOST)
    except OSError as error:
        raise PlotError(f"port {port}: {error.strerror}; without --port a free one is taken") from None
    port = sockets[0].getsockname()[1]
    names = (_HOST, "localhost")
    # Browsers leave the port out where it is that of HTTP.
    own = frozenset({*(f"{name}:{port}" for name in names), *(names if port == _OF_HTTP else ())})
    # Whatever the environment says: nothing from a CDN, no other page's requests.
    settings.resources.set_value("server")
    settings.allowed_ws_origin.set_value(sorted(own))
    pages = BokehTornado({"/": application}, extra_websocket_origins=sorted(own))
    server = HTTPServer(RuleRouter([Rule(_FromOwnPage(own), pages), Rule(_Any(), _refuse)]))
    server.add_sockets(sockets)
    listening = BaseServer(IOLoop.current(), pages, server)
    listening.start()
    return listening


class _FromOwnPage(Matcher):
    """Requests that name this server as their host, and whose websockets come from its own page.

    A page from elsewhere whose name was made to lead to this machine sends its own name as the host.
    A program that is no browser sends no origin.
    """

    def __init__(self, own: frozenset[str]) -> None:
        self._own = own

    def match(self, request: HTTPServerRequest) -> dict[str, str] | None:
        """Nothing more about a request that is let in; None for any other."""
        origin = request.headers.get("Origin")
        if request.headers.get("Host", "").lower() not in self._own:
            return None
        if request.headers.get("Upgrade") and origin is None:
            return None
        foreign = origin is not None and origin.lower() not in {f"http://{host}" for host in self._own}
        return None if foreign else {}


class _Any(Matcher):
    """Every request."""

    def match(self, request: HTTPServerRequest) -> dict[str, str]:
        """Nothing more about it."""
        return {}


def _refuse(request: HTTPServerRequest) -> None:
    text = b"This page is for the browser of this machine, at the address that qthermo view printed.\n"
    headers = HTTPHeaders({"Content-Type": "text/plain", "Content-Length": str(len(text))})
    if request.connection is not None:
        request.connection.write_headers(ResponseStartLine("HTTP/1.1", 403, "Forbidden"), headers, text)
        request.connection.finish()

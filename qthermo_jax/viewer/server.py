"""The local server of a page."""

import asyncio
import socket
from collections.abc import Callable

import xarray as xr
from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.document import Document
from bokeh.server.server import Server
from bokeh.settings import settings

from qthermo_jax.plotting import PlotError
from qthermo_jax.viewer.page import Page

# Nobody but this machine: the page has no password.
_HOST = "127.0.0.1"


def serve(
    data: xr.Dataset,
    port: int = 0,
    *,
    browser: bool = True,
    tell: Callable[[str], object],
) -> None:
    """Show the page of a result until interrupted.

    It listens on the loopback address alone, answers only pages of its own, and brings all that the
    browser loads.

    Args:
        data: a result as `open_result` returns it.
        port: where it listens; 0: any that is free.
        browser: open the page.
        tell: called with its address.

    Raises:
        PlotError: the port is taken, or there is nothing to show.
        KeyboardInterrupt: how it ends.
    """
    Page(data)  # what cannot be shown is said here, not in the browser

    def fill(document: Document) -> None:
        document.title = str(data.attrs.get("title", "qthermo"))
        document.add_root(Page(data).root)

    async def until_interrupted() -> None:
        server = _listening(Application(FunctionHandler(fill)), port)
        address = f"http://{_HOST}:{server.port}/"
        tell(address)
        if browser:
            server.show("/")
        await asyncio.Event().wait()

    asyncio.run(until_interrupted())


def _listening(application: Application, port: int) -> Server:
    port = port or _free_port()
    own = [f"{_HOST}:{port}", f"localhost:{port}"]
    # Whatever the environment says: nothing from a CDN, no other page's requests.
    settings.resources.set_value("server")
    settings.allowed_ws_origin.set_value(own)
    try:
        server = Server({"/": application}, address=_HOST, port=port, allow_websocket_origin=own)
    except OSError as error:
        raise PlotError(f"port {port}: {error.strerror}; without --port a free one is taken") from None
    server.start()
    return server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port

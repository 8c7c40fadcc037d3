"""Sockets of a running evoweb, opened by hand as a page's script opens them."""

from __future__ import annotations

import contextlib
import re

import httpx
from websockets import Origin
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests import tree
from tests.evoweb_process import PATIENCE, EvowebProcess


def watch(evoweb: EvowebProcess, browser: httpx.Client, page: str) -> ClientConnection:
    """Open the socket that a page names, as its reader."""
    connection: ClientConnection = connect(
        evoweb.url.replace("http", "ws") + socket_address(page),
        origin=Origin(evoweb.url),
        additional_headers={"Cookie": cookies_of(browser)},
        open_timeout=PATIENCE,
        legacy=True,
        proxy=None,
    )
    return connection


def handshake(evoweb: EvowebProcess, browser: httpx.Client, page: str) -> bytes:
    """The same by hand, for a reader that then does nothing at all."""
    lines = (
        f"GET {socket_address(page)} HTTP/1.1",
        f"Host: 127.0.0.1:{evoweb.port}",
        f"Origin: {evoweb.url}",
        f"Cookie: {cookies_of(browser)}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def socket_address(page: str) -> str:
    address = re.search(r'hx-ws:connect="([^"]+)"', page)
    assert address is not None
    return address[1].replace("&amp;", "&")


def cookies_of(browser: httpx.Client) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


SHOWN_TEXT = re.compile(
    r'data-state="(?:waiting|streaming)".*?'
    r'id="message-\d+-text" class="message__text[^>]*>(.*?)</div>',
    re.DOTALL,
)


def text_of(frame: str) -> str:
    """The words of a running reply in a frame: all of them, or those that come."""
    articles = "".join(tree.read(text).words for text in SHOWN_TEXT.findall(frame))
    return articles + tree.words_of(frame)


def left(socket_: ClientConnection) -> list[str]:
    """What arrives until the connection ends."""
    frames: list[str] = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            frames.append(str(socket_.recv(timeout=10)))
    return frames

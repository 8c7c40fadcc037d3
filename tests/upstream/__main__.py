"""Runs the test upstream until its standard input closes or it is told to end."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import threading

import uvloop
from aiohttp import web

from tests.upstream.server import KEY, FakeUpstream


async def serve(port: int, key: str) -> None:
    runner = web.AppRunner(FakeUpstream(key).app(), access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, shutdown_timeout=0.2, backlog=1024)
    await site.start()
    end = end_that_is_told()
    # Last: whoever reads this line may tell it to end at once.
    host, bound = runner.addresses[0][:2]
    print(json.dumps({"port": bound, "base_url": f"http://{host}:{bound}", "key": key}), flush=True)
    await end.wait()
    await runner.cleanup()


def end_that_is_told() -> asyncio.Event:
    """Set by a signal, and when standard input closes."""
    loop, end = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)

    def watch_input() -> None:
        # Unbuffered: a thread that holds a buffer's lock would break the end of the interpreter.
        while os.read(sys.stdin.fileno(), 1024):
            pass
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(end.set)

    threading.Thread(target=watch_input, daemon=True).start()
    return end


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default=KEY)
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.key))


if __name__ == "__main__":
    main()

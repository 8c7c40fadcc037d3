"""`manage.py serve`: everything from an empty folder to a running chat, in one process."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import hashlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import uvloop
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from chat.domain import accounts, totals
from chat.generation import service
from chat.generation.demonstration import DemonstrationModel
from chat.generation.ownership import AlreadyServed, Ownership, one_at_a_time
from evoweb import systemd

LEAVING_SECONDS = 10.0
# How long a thread may keep the interpreter from the event loop. Pages are rendered in threads, and
# Python's own 5 ms for each of them would add up to a late loop.
SWITCH_SECONDS = 0.0005
# New objects that are not gone again until they are looked through, and how many such looks until
# the older ones are.
COLLECTING = (20_000, 20, 20)
# glibc's number for it, and bytes.
M_MMAP_THRESHOLD = -3
LARGE_MEMORY = 128 * 1024


class Command(BaseCommand):
    help = "Run evoweb: pages, sockets and replies, until Ctrl-C or SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        systemd.forget_variables()
        told = Told()
        with ExitStack() as stack:
            listener = stack.enter_context(_listener())
            _make_folder(settings.DATA_DIR)
            ownership = _own_database(stack)
            with one_at_a_time():
                _migrate()
                totals.add_up_once()
                _collect_static_files()
                self._welcome_the_first()
            demonstration = self._demonstration(stack)
            _serve(listener, service.Service(demonstration, ownership), told)
            _leave_soon()
        self.stdout.write("evoweb has ended.")

    def _demonstration(self, stack: ExitStack) -> DemonstrationModel | None:
        if not settings.IS_DEMONSTRATION:
            return None
        model = DemonstrationModel(
            manage=settings.BASE_DIR / "manage.py",
            model=settings.MODELS[0],
            log=settings.DATA_DIR / "local-model.log",
        )
        stack.callback(model.stop)
        model.start()
        return model

    def _welcome_the_first(self) -> None:
        environment = settings.ENVIRONMENT
        if environment.admin_email:
            try:
                accounts.ensure_administrator_from_environment(
                    environment.admin_email, environment.admin_password
                )
            except accounts.AccountError as problem:
                raise CommandError(str(problem), returncode=2) from problem
        self.stdout.write(f"evoweb is at {settings.PUBLIC_URL}")
        if not accounts.anybody():
            link = accounts.welcome_link()
            self.stdout.write(f"Nobody is here yet. Create the administrator at\n  {link}")
        self.stdout.flush()


class Told:
    """Whether a signal told the process to end. Until the server takes signals over they end the
    start in order and without a traceback: at once, or where an import is under way, in which such
    an exception can get lost, after it."""

    def __init__(self) -> None:
        self.is_so = False
        self._may_interrupt = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def _end(self, _number: int, _frame: object) -> None:
        self.is_so = True
        if self._may_interrupt:
            raise SystemExit

    @contextmanager
    def uninterrupted(self) -> Iterator[None]:
        self._may_interrupt = False
        yield
        if self.is_so:
            raise SystemExit


def _serve(listener: socket.socket, running: service.Service, told: Told) -> None:
    # Daphne takes the loop of the policy in force at the moment of its import.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    sys.setswitchinterval(SWITCH_SECONDS)
    _give_back_large_memory()
    with told.uninterrupted():
        from evoweb.asgi import application  # noqa: PLC0415 (slow import, and the loop above)
        from evoweb.server import Server  # noqa: PLC0415

    server = Server(
        application,
        listener=listener,
        start=partial(_start, running),
        drain=running.drain,
        stop_now=running.stop_now,
        was_told=lambda: told.is_so,
        notify=partial(systemd.notify, settings.ENVIRONMENT.notify_socket),
    )
    server.run()
    if server.failure is not None:
        raise CommandError(f"evoweb could not start: {server.failure}") from server.failure


async def _start(running: service.Service) -> None:
    await running.start()
    # What has been loaded by now stays. To walk through it in each full collection would hold the
    # event loop up for 70 ms; what comes later is looked through less often.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTING)


def _give_back_large_memory() -> None:
    """Let glibc return what long texts took as soon as they are forgotten.

    Left to itself, it takes the first of them for a sign that more will come, and keeps such memory
    in each of its arenas, of which there is one for nearly every thread.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_MEMORY)


def _leave_soon() -> None:
    """Python waits for every thread at its end, and one may wait for a database that is gone."""
    timer = threading.Timer(LEAVING_SECONDS, os._exit, (1,))
    timer.daemon = True
    timer.start()


def _listener() -> socket.socket:
    """The socket that will be listened on, bound first so that a taken port is known at once.

    One that systemd listens on is taken as it is: whoever connects while evoweb restarts waits in
    its queue.
    """
    if settings.ENVIRONMENT.has_inherited_listener:
        try:
            return systemd.inherited_listener()
        except systemd.UnusableSocket as problem:
            raise CommandError(
                f"The socket that systemd passed cannot be used: {problem}. Give evoweb.socket a "
                "ListenStream=, and leave Accept= out."
            ) from problem
    host, port = settings.ENVIRONMENT.host, settings.ENVIRONMENT.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as problem:
        raise CommandError(
            f"Port {port} on {host} cannot be used ({problem.strerror}). "
            "Stop what uses it, or choose another with PORT."
        ) from problem


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as problem:
        raise CommandError(
            f"The data folder {folder} cannot be written ({problem.strerror}). "
            "Choose another with EVOWEB_DATA_DIR."
        ) from problem


def _own_database(stack: ExitStack) -> Ownership:
    """The first word with the database, and the lock that keeps other processes away from it."""
    try:
        ownership = stack.enter_context(Ownership(is_shared=bool(settings.REDIS_URL)))
        connection.ensure_connection()
        return ownership
    except AlreadyServed:
        raise CommandError(
            "Another evoweb is running on this database. Stop it first. "
            "(Several can share a PostgreSQL if all of them are given the same REDIS_URL.)"
        ) from None
    except (DatabaseError, OSError) as problem:
        reason = str(problem).strip().splitlines() or ["no reason given"]
        raise CommandError(
            f"The database cannot be reached ({reason[0]}). Check DATABASE_URL."
        ) from problem


def _migrate() -> None:
    """Apply what is missing; finding out that nothing is costs a fraction of the command."""
    executor = MigrationExecutor(connection)
    targets = executor.loader.graph.leaf_nodes()
    if executor.migration_plan(targets):
        call_command("migrate", database=DEFAULT_DB_ALIAS, interactive=False, verbosity=0)


def _collect_static_files() -> None:
    """Collect when a file, or a library with files of its own, is not what it was the last time:
    those of another version may well be older."""
    collected = settings.STATIC_ROOT / "collected"
    # evoweb itself says how they are joined and sent.
    files = [
        *(settings.BASE_DIR / "static").rglob("*"),
        *(settings.BASE_DIR / "evoweb").glob("*.py"),
        settings.BASE_DIR / "requirements/run.txt",
    ]
    facts = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(files)]
    now = hashlib.sha256(repr(facts).encode()).hexdigest()
    if not collected.exists() or collected.read_text() != now:
        call_command("collectstatic", interactive=False, verbosity=0, clear=True)
        collected.write_text(now)

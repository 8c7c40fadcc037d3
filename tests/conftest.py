"""What every test may ask for: the upstream, a running evoweb, PostgreSQL."""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from tests.environment import on_postgresql, on_valkey
from tests.evoweb_process import EvowebProcess, on_servers
from tests.postgres import fresh_database, name_of
from tests.upstream.process import Upstream, UpstreamProcess, scripted

ON_SQLITE = {"DATABASE_URL": "", "REDIS_URL": ""}
# Where several share a database, one that died is missed after a while; else at the next start.
MISSING_SECONDS = 40 if on_postgresql else 0
collect_ignore = [] if on_postgresql else ["postgresql"]

# How long an example takes says something of the machine, and nothing of what is tested.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _static_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Pages name their files by hash, so the files have to have been collected once."""
    with made_once(tmp_path_factory, "static") as (collected, is_there):
        if is_there:
            shutil.copytree(collected, settings.STATIC_ROOT)
        else:
            call_command("collectstatic", interactive=False, verbosity=0)
            shutil.copytree(settings.STATIC_ROOT, collected)


@pytest.fixture
def shipped_prices(db: None) -> None:
    """What a migration has entered, and a test that emptied the database has taken away."""
    # Here, because programs without Django's settings use what else is in this file.
    if not apps.get_model("chat", "Price")._default_manager.exists():
        migration = importlib.import_module("chat.migrations.0005_shipped_prices")
        migration.enter(apps, None)


@pytest.fixture(scope="session")
def upstream_process() -> Iterator[UpstreamProcess]:
    with UpstreamProcess() as process:
        yield process


@pytest.fixture
def upstream(upstream_process: UpstreamProcess) -> Iterator[Upstream]:
    with scripted(upstream_process) as upstream:
        yield upstream


@pytest.fixture(scope="session")
def evoweb_session(
    tmp_path_factory: pytest.TempPathFactory,
    upstream_process: UpstreamProcess,
    evoweb_before: EvowebProcess,
) -> Iterator[EvowebProcess]:
    folder = tmp_path_factory.mktemp("session") / "evoweb"
    with copy_of(evoweb_before, folder, upstream_process) as process:
        yield process


@pytest.fixture
def evoweb(evoweb_session: EvowebProcess, upstream: Upstream) -> EvowebProcess:
    """One evoweb for all tests that leave it running, before the test upstream."""
    return evoweb_session


@pytest.fixture(scope="session")
def evoweb_before(
    tmp_path_factory: pytest.TempPathFactory, upstream_process: UpstreamProcess
) -> EvowebProcess:
    """One that has been started once, and stopped. A copy of it starts in a tenth of the time."""
    with made_once(tmp_path_factory, "before") as (folder, is_there):
        address = folder.with_name("before.address")
        known = {"DATABASE_URL": address.read_text()} if is_there else {}
        before = evoweb_on(folder, upstream_process, **known)
        if not is_there:
            before.start()
            before.stop()
            address.write_text(before.variables.get("DATABASE_URL", ""))
    return before


@pytest.fixture
def own_evoweb(
    tmp_path: Path,
    upstream: Upstream,
    upstream_process: UpstreamProcess,
    evoweb_before: EvowebProcess,
) -> Iterator[EvowebProcess]:
    """An evoweb that the test may stop, kill and start again; it has been started before."""
    with copy_of(evoweb_before, tmp_path / "evoweb", upstream_process) as process:
        yield process


@pytest.fixture
def sqlite_evoweb(
    tmp_path: Path,
    upstream: Upstream,
    upstream_process: UpstreamProcess,
    evoweb_before: EvowebProcess,
) -> Iterator[EvowebProcess]:
    """As `own_evoweb`, on SQLite wherever the run is, for what only that has."""
    folder = tmp_path / "evoweb"
    with (
        evoweb_on(folder, upstream_process, **ON_SQLITE)
        if on_postgresql
        else copy_of(evoweb_before, folder, upstream_process)
    ) as process:
        yield process


@contextlib.contextmanager
def made_once(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[tuple[Path, bool]]:
    """A folder of all processes that share the tests, and whether one of them has made it already.
    The others wait until it has."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, done = shared / name, shared / f"{name}.done"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder, done.exists()
        done.touch()


def evoweb_on(folder: Path, upstream: UpstreamProcess, **variables: str) -> EvowebProcess:
    """Where the run is on PostgreSQL and Valkey, so is this one, unless it is given a database."""
    if on_postgresql and "DATABASE_URL" not in variables:
        database = fresh_database(on_postgresql)
        variables = on_servers(database, on_valkey) | variables
    return EvowebProcess(
        folder,
        EVOLINK_MODELS="Gemini-3.0-pro,gemini-2.5-pro",
        **upstream.variables,
        **variables,
    )


def copy_of(
    before: EvowebProcess, folder: Path, upstream: UpstreamProcess, **variables: str
) -> EvowebProcess:
    """What this one left when it was stopped, in a folder, and where the run is on PostgreSQL on a
    database, of its own."""
    shutil.copytree(before.folder, folder, ignore=shutil.ignore_patterns("serve.log"))
    if on_postgresql:
        copy = fresh_database(on_postgresql, like=name_of(before.variables["DATABASE_URL"]))
        variables = on_servers(copy, on_valkey) | variables
    return evoweb_on(folder, upstream, **variables)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skipped test is a promise that nobody looked at: the run fails."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        # One of several processes that share the tests: the first of them reports.
        return
    left_out = reporter.stats.get("skipped", []) + reporter.stats.get("xfailed", [])
    if left_out and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(left_out)} tests were left out", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

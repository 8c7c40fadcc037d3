"""The real parts that everything stands on start and answer on this machine."""

from __future__ import annotations

from pathlib import Path

import psycopg

from tests.evoweb_process import EvowebProcess, send
from tests.postgres import PostgresProcess
from tests.waiting import eventually


def test_postgresql_starts_out_of_its_wheel() -> None:
    with PostgresProcess() as postgres, psycopg.connect(postgres.url) as connection:
        version = connection.execute("SELECT current_setting('server_version_num')::int").fetchone()

    assert version is not None
    assert version[0] >= 150000


def test_the_demonstration_model_answers_without_a_key_and_leaves_with_evoweb(
    tmp_path: Path,
) -> None:
    # Whatever proxy the operator uses, the model is on this machine.
    nowhere = {"http_proxy": "http://127.0.0.1:9", "EMAIL_URL": "smtp://ana:hidden@127.0.0.1:9"}
    with EvowebProcess(tmp_path / "evoweb", **nowhere) as evoweb, evoweb.session() as browser:
        # Asked at once, while the model still starts: the reply waits for it.
        conversation = str(send(browser, "Say hello.").url)
        page = eventually(
            lambda: browser.get(conversation).text,
            lambda text: 'data-state="complete"' in text.partition('data-role="assistant"')[2],
            seconds=90,
        )
        children = evoweb.children
        given = Path(f"/proc/{children[0]}/environ").read_text()

    assert "SmolLM2-135M-Instruct" in page
    assert len(children) == 1
    assert "hidden" not in given
    assert "EVOWEB_ADMIN_PASSWORD" not in given
    eventually(lambda: [pid for pid in children if alive(pid)], lambda left: not left)


def test_when_the_demonstration_model_cannot_start_the_page_works_and_says_why(
    tmp_path: Path,
) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('no engine for this machine')")
    with (
        EvowebProcess(tmp_path / "evoweb", PYTHONPATH=str(tmp_path)) as evoweb,
        evoweb.session() as browser,
    ):
        page = eventually(
            lambda: browser.get("/").text, lambda text: "no engine for this machine" in text
        )
        sent = send(browser, "Hello")
        answer = eventually(
            lambda: browser.get(str(sent.url)).text,
            lambda text: 'data-state="failed"' in text,
            seconds=30,
        )

    assert "EVOLINK_API_KEY" in page
    assert "could not be reached" in answer


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()

"""What `make run NODES=2` starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.conftest import evoweb_on
from tests.evoweb_process import ROOT, EvowebProcess, environment, send
from tests.test_serve import reply_state
from tests.upstream.process import Upstream, UpstreamProcess
from tests.waiting import eventually


def test_two_processes_behind_a_proxy_answer_at_one_address(
    tmp_path: Path, upstream: Upstream, upstream_process: UpstreamProcess
) -> None:
    seen_from_outside: EvowebProcess = evoweb_on(tmp_path, upstream_process)
    variables = environment(**seen_from_outside.variables)
    log = tmp_path / "nodes.log"
    with log.open("wb") as output:
        nodes = subprocess.Popen(
            [sys.executable, "-m", "tests.several.nodes", "2"],
            cwd=ROOT,
            env=variables,
            stdout=output,
            stderr=output,
        )
    try:
        eventually(seen_from_outside.health, lambda status: status == 200, seconds=60)
        eventually(log.read_text, lambda text: text.count("evoweb is at") == 2 and "[2]" in text)
        upstream.says("Hello")
        with seen_from_outside.session() as browser:
            page = send(browser, "Greet me")
            answer = eventually(
                lambda: browser.get(str(page.url)).text,
                lambda text: reply_state(text) == "complete",
            )
    finally:
        os.kill(nodes.pid, signal.SIGINT)
        nodes.wait(60)

    assert "Hello" in answer
    assert nodes.returncode == 0
    assert log.read_text().count("evoweb has ended.") == 2

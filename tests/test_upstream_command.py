"""`manage.py upstream check` as an operator runs it: a process, with settings of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chat.management.commands.upstream import WRONG_KEY
from tests.evoweb_process import ROOT, environment, free_port
from tests.upstream.process import Upstream, UpstreamProcess

WRONG = "sk-an-operators-mistake-42"


@dataclass(frozen=True, slots=True)
class Said:
    status: int
    lines: list[str]
    verdict: str

    def line(self, asked: str) -> str:
        return next(line for line in self.lines if asked in line)

    def starts(self) -> list[str]:
        """How each of the calls was judged."""
        return [line.split()[0] for line in self.lines if line and line[-2:] == " s"]


def check(folder: Path, **variables: str) -> Said:
    """Run it, and see that it does not give away the key."""
    result = subprocess.run(
        [sys.executable, "manage.py", "upstream", "check"],
        cwd=ROOT,
        env=environment(EVOWEB_DATA_DIR=str(folder), **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in result.stderr
    if key := variables.get("EVOLINK_API_KEY"):
        assert key not in result.stdout + result.stderr
    lines = result.stdout.splitlines()
    verdict = result.stderr.strip() or lines[-1]
    return Said(result.returncode, lines, verdict.removeprefix("CommandError: "))


def check_at(upstream: Upstream, folder: Path, **variables: str) -> Said:
    settings = {"EVOLINK_API_KEY": upstream.key, "EVOLINK_BASE_URL": upstream.base_url}
    return check(folder, **(settings | variables))


def test_a_good_upstream_passes_every_call(upstream: Upstream, tmp_path: Path) -> None:
    said = check_at(upstream, tmp_path)

    assert said.status == 0
    assert said.starts() == ["OK"] * 5
    assert " 4 models, " in said.line("list of models")
    for asked in ("plain answer", "streamed answer", "image in a prompt"):
        assert "200, Gemini-3.0-pro answered, " in said.line(asked)
        assert "tokens in and 6 out" in said.line(asked)
    assert "refused: key_refused (401)" in said.line("wrong key")
    assert said.verdict == ("Key, address and model id work: evoweb can chat with Gemini-3.0-pro.")


def test_it_asks_what_it_says_that_it_asks(upstream: Upstream, tmp_path: Path) -> None:
    check_at(upstream, tmp_path)

    plain, streamed, image, wrong_key = upstream.requests
    assert [record.body["stream"] for record in upstream.requests] == [False, True, True, False]
    assert streamed.body["stream_options"] == {"include_usage": True}
    text, picture = image.body["messages"][0]["content"]
    assert (text["type"], picture["type"]) == ("text", "image_url")
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    assert wrong_key.headers["authorization"] != plain.headers["authorization"]


def test_a_wrong_key_is_named(upstream: Upstream, tmp_path: Path) -> None:
    said = check_at(upstream, tmp_path, EVOLINK_API_KEY=WRONG)

    assert said.status == 1
    assert said.starts() == ["FAILED"] * 4 + ["OK"]
    assert "key_refused (401)" in said.line("streamed answer")
    assert said.verdict == (
        f"The key was refused. Check EVOLINK_API_KEY, and that it is one of {upstream.base_url}."
    )


def test_an_upstream_that_repeats_the_key_does_not_get_it_printed(
    upstream: Upstream, tmp_path: Path
) -> None:
    for _ in range(4):
        upstream.fails(401, {"error": {"message": f"Invalid key {WRONG}", "code": "unauthorized"}})

    assert check_at(upstream, tmp_path, EVOLINK_API_KEY=WRONG).status == 1


def test_for_an_unknown_gemini_its_other_name_is_offered(
    upstream: Upstream, tmp_path: Path
) -> None:
    message = "The model Gemini-3.0-pro does not exist"
    upstream.fails(404, {"error": {"message": message, "code": "model_not_found"}}, times=0)

    said = check_at(upstream, tmp_path)

    assert said.status == 1
    assert "model_not_found (404)" in said.line("streamed answer")
    assert said.verdict.startswith("The upstream does not offer the model Gemini-3.0-pro.")
    assert "Try gemini-3-pro-preview" in said.verdict


def test_for_another_unknown_model_the_most_similar_is_offered(
    upstream: Upstream, tmp_path: Path
) -> None:
    upstream.fails(404, {"error": {"message": "no such model", "code": "model_not_found"}}, times=0)

    said = check_at(upstream, tmp_path, EVOLINK_MODELS="gpt-5.5,gpt-5.4")

    assert "gpt-5.5 is not among them" in said.line("list of models")
    assert "gpt-5.4 is not" not in said.line("list of models")
    assert said.verdict.endswith("Change EVOLINK_MODELS. Try gpt-5.4.")


def test_a_model_that_answers_though_it_is_not_listed_is_unclear(
    upstream: Upstream, tmp_path: Path
) -> None:
    said = check_at(upstream, tmp_path, EVOLINK_MODELS="something-new")

    assert (said.status, said.starts()[0]) == (0, "unclear")


def test_without_usage_chat_works_and_costs_will_be_estimates(
    upstream: Upstream, tmp_path: Path
) -> None:
    upstream.says("OK", usage_mode="never", stream=True, times=0)

    said = check_at(upstream, tmp_path)

    assert said.status == 0
    assert said.line("streamed answer").startswith("unclear")
    assert "no figures of usage" in said.line("streamed answer")


def test_a_model_that_thinks_until_its_limit_is_unclear(upstream: Upstream, tmp_path: Path) -> None:
    upstream.thinks_then_says("Hm.", finish="length", completion_tokens=4096, times=0)

    said = check_at(upstream, tmp_path)

    assert said.status == 0
    assert said.line("streamed answer").startswith("unclear")
    assert "no text, ended by length" in said.line("streamed answer")
    # The documented answer to a simple question took 1,480 tokens of thinking.
    assert upstream.requests[0].body["max_tokens"] >= 2 * 1480


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ({"pieces": []}, "Gemini-3.0-pro ended without a word"),
        ({"pieces": ["\n"]}, "Gemini-3.0-pro ended without a word"),
        ({"pieces": [], "finish": "content_filter"}, "The upstream declined to answer"),
        ({"status": 400, "body": "{}"}, "The upstream does not take what evoweb sends"),
        ({"status": 405, "body": ""}, "The address or the model id is wrong"),
        ({"pieces": [{"die": "close"}], "role_chunk": False}, "broke off"),
    ],
)
def test_what_to_do_is_said_however_chat_fails(
    upstream: Upstream, tmp_path: Path, script: dict[str, Any], words: str
) -> None:
    upstream.script(**script, times=0)

    said = check_at(upstream, tmp_path)

    assert said.status == 1
    assert words in said.verdict


def test_refused_stream_options_are_left_out(upstream: Upstream, tmp_path: Path) -> None:
    upstream.says("OK", refuse_stream_options=True, stream=True, times=0)

    said = check_at(upstream, tmp_path)

    assert said.status == 0
    assert "stream_options refused, asked again without" in said.line("streamed answer")


def test_an_upstream_that_cannot_stream_is_told_apart(upstream: Upstream, tmp_path: Path) -> None:
    upstream.fails(500, stream=True, times=0)

    said = check_at(upstream, tmp_path)

    assert said.status == 1
    assert "Gemini-3.0-pro does not stream" in said.verdict


def test_an_upstream_that_takes_any_key_is_no_good_sign(tmp_path: Path) -> None:
    with UpstreamProcess(key=WRONG_KEY) as process:
        said = check(tmp_path, EVOLINK_API_KEY=WRONG_KEY, EVOLINK_BASE_URL=process.base_url)

    assert said.status == 0
    assert said.line("wrong key").startswith("FAILED")
    assert "any key is taken here" in said.line("wrong key")


def test_an_address_where_nothing_answers_is_named(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"

    said = check(tmp_path, EVOLINK_API_KEY=WRONG, EVOLINK_BASE_URL=f"{address}/v1")

    assert said.status == 1
    assert said.verdict == (
        f"Nothing answers at {address}. Check EVOLINK_BASE_URL and the network."
    )


@pytest.mark.parametrize("path", ["/control/nothing", "/elsewhere"])
def test_a_wrong_path_is_named(upstream: Upstream, tmp_path: Path, path: str) -> None:
    said = check_at(upstream, tmp_path, EVOLINK_BASE_URL=upstream.base_url + path)

    assert said.status == 1
    assert said.verdict.startswith("The address or the model id is wrong. Check EVOLINK_BASE_URL")
    assert "gemini-3-pro-preview" in said.verdict


def test_without_a_key_there_is_nothing_to_check(tmp_path: Path) -> None:
    said = check(tmp_path)

    assert said.status == 1
    assert said.verdict.startswith("There is nothing to check: EVOLINK_API_KEY is not set")

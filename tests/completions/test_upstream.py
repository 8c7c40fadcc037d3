"""The test upstream itself: other tests trust what it sends, notes and bills."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.upstream.process import ROOT, Upstream, UpstreamProcess
from tests.upstream.records import Bill

BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def http(upstream: Upstream) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {upstream.key}"}
    with httpx.Client(base_url=upstream.base_url, headers=headers, trust_env=False) as client:
        yield client


def post(http: httpx.Client, **more: Any) -> httpx.Response:
    return http.post("/v1/chat/completions", json={**BODY, **more})


def stream(http: httpx.Client, **more: Any) -> list[str]:
    """The payloads of a streamed answer."""
    lines = post(http, stream=True, **more).text.split("\n")
    return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]


def test_a_stream_has_a_role_pieces_a_reason_usage_if_asked_and_an_end(http: httpx.Client) -> None:
    *chunks, end = stream(http, stream_options={"include_usage": True})

    documents = [json.loads(chunk) for chunk in chunks]
    assert end == "[DONE]"
    assert documents[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [d["choices"][0]["delta"].get("content") for d in documents[1:7]] == [
        *("Hello", " from", " the", " test", " upstream", ".")
    ]
    assert documents[7]["choices"][0]["finish_reason"] == "stop"
    assert documents[8]["choices"] == []
    assert documents[8]["usage"]["completion_tokens"] == 6


def test_usage_comes_only_if_it_is_asked_for(http: httpx.Client) -> None:
    *chunks, _ = stream(http)

    assert [json.loads(chunk)["usage"] for chunk in chunks] == [None] * len(chunks)


def test_scripts_are_answered_in_order_and_only_where_they_match(
    upstream: Upstream, http: httpx.Client
) -> None:
    upstream.says("for titles", match="title")
    upstream.says("for streams", stream=True)
    upstream.says("twice", times=2)

    texts = [post(http).json()["choices"][0]["message"]["content"] for _ in range(3)]

    assert texts == ["twice", "twice", "Hello from the test upstream."]
    assert upstream.scripts_left == 2
    messages = [{"role": "user", "content": [{"type": "text", "text": "a title?"}]}]
    assert "for titles" in post(http, messages=messages).text
    assert "for streams" in post(http, stream=True).text


def test_a_misspelled_script_is_refused(upstream: Upstream) -> None:
    with pytest.raises(ValueError, match="unknown field"):
        upstream.says("x", promt_tokens=1)
    refused = httpx.post(f"{upstream.base_url}/control/scripts", json=[{"peices": []}])

    assert refused.status_code == 400


def test_a_held_answer_goes_on_step_by_step(upstream: Upstream, http: httpx.Client) -> None:
    upstream.holds_after(1, "a", "b", "c")

    with http.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}) as response:
        [held] = upstream.wait_until_held()
        upstream.release(1)
        while upstream.last.pieces_sent < 2 or not upstream.last.held:
            assert not upstream.last.finished
        upstream.release()
        response.read()

    [seen] = upstream.wait_until_over()
    assert (held.pieces_sent, seen.pieces_sent, seen.finished) == (1, 3, True)


def test_what_is_billed_is_what_was_made_and_not_what_arrived(
    upstream: Upstream, http: httpx.Client
) -> None:
    upstream.holds_after(2, "a", "b", "c", hidden_tokens=50, runs_ahead=4, prompt_tokens=7)
    with http.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}):
        upstream.wait_until_held()
    [left] = upstream.wait_until_client_left()

    upstream.thinks_then_says("hm", "a", "b", hidden_tokens=50, prompt_tokens=7)
    stream(http)
    upstream.says("a", prompt_tokens=7, completion_tokens=99)
    post(http)
    upstream.fails(500)
    post(http)

    assert left.billed == Bill(7, 50 + 2 + 4)
    assert [seen.billed for seen in upstream.requests[1:]] == [Bill(7, 53), Bill(7, 99), Bill()]


def test_stamps_are_the_times_at_which_they_were_sent(
    upstream: Upstream, http: httpx.Client
) -> None:
    upstream.stamps(rate=1000, count=20)

    before = time.monotonic_ns()
    *chunks, _ = stream(http)
    after = time.monotonic_ns()

    text = "".join(json.loads(c)["choices"][0]["delta"].get("content") or "" for c in chunks)
    stamps = [int(stamp) for stamp in text.split(";")[:-1]]
    assert len(stamps) == 20
    assert before < stamps[0]
    assert stamps == sorted(stamps)
    assert stamps[-1] < after
    assert stamps[-1] - stamps[0] >= 19_000_000 - 1_000_000


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/v1/v1/chat/completions", 404, "Invalid URL"),
        ("/v1/chat/completions", 401, "unauthorized"),
    ],
)
def test_it_refuses_as_the_real_one_does(
    upstream: Upstream, path: str, status: int, word: str
) -> None:
    answer = httpx.post(f"{upstream.base_url}{path}", json=BODY)

    assert answer.status_code == status
    assert word in answer.text


@pytest.mark.parametrize(
    "messages",
    [[], None, [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": ""}]],
)
def test_it_takes_no_request_that_the_real_one_refuses(http: httpx.Client, messages: Any) -> None:
    assert post(http, messages=messages).status_code == 400


def test_a_reset_forgets_everything_and_ends_what_runs(
    upstream: Upstream, http: httpx.Client
) -> None:
    upstream.hangs_after("a")
    upstream.says("never said")
    with http.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}) as response:
        upstream.reset()
        with pytest.raises(httpx.TransportError):
            response.read()

    assert upstream.requests == []
    assert upstream.scripts_left == 0


def test_it_ends_when_its_input_closes() -> None:
    with UpstreamProcess() as process:
        address = process.base_url
        assert httpx.post(f"{address}/control/reset").status_code == 200

    with pytest.raises(httpx.ConnectError):
        httpx.post(f"{address}/control/reset")


def test_it_ends_when_it_is_told_to() -> None:
    command = [sys.executable, "-m", "tests.upstream"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["port"]
        process.terminate()
        assert process.wait(5) == 0

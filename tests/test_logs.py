"""What the log says: one line a request and one a reply, with ids, and no word of anybody."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from django.urls import reverse

from evoweb.logs import JsonFormatter, LineFormatter
from tests.conftest import copy_of
from tests.evoweb_process import EMAIL, PASSWORD, ROOT, EvowebProcess, environment, send
from tests.metrics import read_page
from tests.sockets import watch
from tests.test_serve import reply_state
from tests.upstream.process import Upstream, UpstreamProcess, scripted
from tests.waiting import eventually

METRICS_TOKEN = "marigold-for-metrics"
WELCOME = "a-welcome-token-of-foxglove"
# Everything that somebody wrote in the turns below, each a word that is nowhere else.
WORDS = {
    "prompt": "saffron",
    "later prompt": "crocus",
    "answer": "vermilion",
    "broken answer": "cinnabar",
    "title": "heliotrope",
    "system prompt": "cobalt",
    "suggestion": "periwinkle",
    "mistyped address": "eglantine",
}

LATER_PROMPT = f"And what is a {WORDS['later prompt']}, then?"


@dataclass(frozen=True)
class Told:
    """What a process wrote while people worked with it, and what must not be in there."""

    output: str
    secrets: dict[str, str]
    conversation_id: str
    metrics: str

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry.get("event") == event]


@pytest.fixture(scope="module", params=["json", "line"])
def told(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    upstream_process: UpstreamProcess,
    evoweb_before: EvowebProcess,
) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("evoweb") / request.param
    variables = {
        "LOG_FORMAT": request.param,
        "LOG_LEVEL": "DEBUG",
        "EVOWEB_METRICS_TOKEN": METRICS_TOKEN,
    }
    with (
        scripted(upstream_process) as upstream,
        copy_of(evoweb_before, folder, upstream_process, **variables) as evoweb,
    ):
        with evoweb.session() as browser:
            conversation = _work(evoweb, browser, upstream)
            secrets = dict(browser.cookies) | {
                "reset link": _use_links(evoweb, browser),
                "share link": _share(browser, conversation),
            }
            with watch(evoweb, browser, browser.get(f"/c/{conversation}/").text):
                metrics = eventually(
                    lambda: _scrape(evoweb), lambda page: "\nevoweb_sockets_open 1" in page
                )
        evoweb.stop()
        secrets |= WORDS | {
            "key": upstream.key,
            "address": EMAIL,
            "other address": "ben@example",
            "password": PASSWORD,
            "welcome link": WELCOME,
            "metrics token": METRICS_TOKEN,
        }
        yield Told(evoweb.output, secrets, conversation, metrics)


in_json = pytest.mark.parametrize("told", ["json"], indirect=True)


def test_no_word_and_no_secret_of_anybody_is_in_the_log(told: Told) -> None:
    assert "post_message" in told.output
    assert "key_refused" in told.output

    found = [name for name, secret in told.secrets.items() if secret in told.output]

    assert found == []


@in_json
def test_every_record_is_an_object_of_one_line(told: Told) -> None:
    others = [line for line in told.output.splitlines() if not line.startswith("{")]

    assert [re.sub(r"http\S+", "URL", line) for line in others] == [
        "evoweb is at URL",
        "evoweb has ended.",
    ]
    assert all({"time", "level", "logger", "message"} <= entry.keys() for entry in told.entries)


@in_json
def test_a_request_leaves_one_line(told: Told) -> None:
    sends = [entry for entry in told.of("request") if entry["route"] == "post_message"]

    assert len(sends) == 3
    assert sends[0].keys() == {
        *("time", "level", "logger", "message", "event"),
        *("method", "route", "status", "duration_ms", "user_id", "conversation_id"),
    }
    assert (sends[0]["method"], sends[0]["status"], sends[0]["user_id"]) == ("POST", 302, 1)
    assert sends[0]["conversation_id"] == told.conversation_id


@in_json
def test_requests_are_named_by_their_route_and_their_ids_alone(told: Told) -> None:
    lines = {entry["route"]: entry for entry in told.of("request")}
    nowhere = [entry["status"] for entry in told.of("request") if entry["route"] is None]

    assert lines.keys() >= {"account_reset_password_from_key", "welcome", "live", "stop_reply"}
    assert lines["stop_reply"]["message_id"] > 0
    assert lines["welcome"]["status"] == 403
    assert lines["welcome"]["user_id"] is None
    # A mistyped address, and a link whose last letter was lost.
    assert nowhere == [404, 301]


@in_json
def test_files_health_and_metrics_leave_no_line(told: Told) -> None:
    assert {"healthz", "metrics"} & {entry["route"] for entry in told.of("request")} == set()
    assert "favicon" not in told.output
    assert "static" not in told.output


@in_json
def test_a_reply_leaves_one_line_however_it_ends(told: Told) -> None:
    ends = [(entry["state"], entry["error"], entry["figures"]) for entry in told.of("reply")]

    assert ends == [
        ("complete", None, "final"),
        ("stopped", None, "estimated"),
        ("interrupted", "broken", "estimated"),
        ("failed", "key_refused", "failed"),
    ]
    assert {entry["conversation_id"] for entry in told.of("reply")} == {told.conversation_id}


def test_the_metrics_of_a_process_are_its_own(told: Told) -> None:
    page = read_page(told.metrics)

    assert page["evoweb_replies_started_total", frozenset()] == 4
    assert page["evoweb_replies_running", frozenset()] == 0
    assert page["evoweb_sockets_open", frozenset()] == 1
    assert page["evoweb_time_to_first_token_seconds_count", frozenset()] == 3
    assert page["evoweb_attempts_failed_total", frozenset({("code", "key_refused")})] == 1


# How a record is written


Format = Callable[[logging.LogRecord], str]
FORMATTERS = (LineFormatter().format, JsonFormatter().format)


def record(message: str, *args: object, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("chat.test", logging.ERROR, "test.py", 1, message, args, None)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_an_exception_is_a_field_and_the_object_is_one_line() -> None:
    try:
        raise ValueError("two\nlines\u2028three")
    except ValueError:
        failure = sys.exc_info()

    line = JsonFormatter().format(record("It\nfailed", exc_info=failure, fields={"reply_id": 5}))

    entry = json.loads(line)
    assert line.splitlines() == [line]
    assert (entry["level"], entry["logger"]) == ("ERROR", "chat.test")
    assert (entry["message"], entry["reply_id"]) == ("It\nfailed", 5)
    assert entry["exception"].startswith("Traceback")
    assert entry["exception"].endswith("ValueError: two\nlines\u2028three")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", entry["time"])


@pytest.mark.parametrize("write", FORMATTERS)
@pytest.mark.parametrize("ending", ["/", "", "/?next=/", "' in <Request>"])
@pytest.mark.parametrize(
    "address",
    [
        reverse("welcome", args=["eyJ0b2tlbiI6:1x-FOXGLOVE_9"]),
        reverse("account_reset_password_from_key", args=["2a", "d3b-FOXGLOVE"]),
        reverse("shared", args=["d3b_-FOXGLOVE"]),
        f"/ws{reverse('shared', args=['d3b_-FOXGLOVE'])}",
        f"/accounts/login/?next={quote(reverse('shared', args=['d3b_-FOXGLOVE']), safe='')}",
    ],
)
def test_an_address_that_opens_by_itself_is_never_written(
    write: Format, ending: str, address: str
) -> None:
    path = address.removesuffix("/") + ending

    said = write(record("Internal Server Error: %s", path))

    assert "Internal Server Error: /" in said
    assert "[secret]" in said
    assert "FOXGLOVE" not in said


@pytest.mark.parametrize("write", FORMATTERS)
def test_other_addresses_are_written(write: Format) -> None:
    assert "Error: /c/5/live/" in write(record("Internal Server Error: %s", "/c/5/live/"))


# A day at work


def _work(evoweb: EvowebProcess, browser: httpx.Client, upstream: Upstream) -> str:
    """Four turns: one that is whole, one stopped, one broken off, one refused; and the rest."""
    upstream.says(WORDS["answer"], prompt_tokens=1, completion_tokens=1)
    upstream.holds_after(1, WORDS["answer"], " more")
    upstream.breaks_after(WORDS["broken answer"])
    quoting = f"Incorrect API key {upstream.key} provided: {LATER_PROMPT}"
    upstream.fails(401, {"error": {"message": quoting, "code": 401}})

    settings = {
        "model": "gemini-2.5-pro",
        "system_prompt": WORDS["system prompt"],
        "stream": "on",
    }
    browser.get("/", params={"text": WORDS["suggestion"]})
    page = send(browser, f"What is {WORDS['prompt']}?")
    address = urlsplit(str(page.url)).path
    _until(browser, address, "complete")
    browser.post(f"{address}title/", data={"title": WORDS["title"]})
    browser.post(f"{address}settings/", data=settings)

    with watch(evoweb, browser, browser.get(address).text) as socket:
        send(browser, LATER_PROMPT, to=f"{address}messages/")
        eventually(lambda: str(socket.recv(timeout=10)), lambda frame: WORDS["answer"] in frame)
    reply = re.findall(r'id="message-(\d+)"', _until(browser, address, "streaming"))[-1]
    with browser.stream("GET", f"{address}live/") as growing:
        next(growing.iter_text())
    browser.post(f"{address}messages/{reply}/stop/")
    _until(browser, address, "stopped")
    for state in ("interrupted", "failed"):
        send(browser, LATER_PROMPT, to=f"{address}messages/")
        _until(browser, address, state)

    browser.get("/usage/days.csv")
    browser.get(f"/{WORDS['mistyped address']}/")
    browser.get(re.findall(r'/static/[^"]+\.css', page.text)[0]).raise_for_status()
    return address.split("/")[2]


def _until(browser: httpx.Client, address: str, state: str) -> str:
    return eventually(lambda: browser.get(address).text, lambda page: reply_state(page) == state)


def _use_links(evoweb: EvowebProcess, browser: httpx.Client) -> str:
    """Let somebody in by a link, use it rightly and wrongly; gives what is secret of it."""
    command = [sys.executable, "manage.py", "invite", "ben@example.org"]
    variables = environment(**evoweb.variables)
    said = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, check=True)
    path = urlsplit(said.stdout.decode().strip()).path
    with httpx.Client(base_url=evoweb.url, trust_env=False, timeout=10) as stranger:
        form = stranger.get(path, follow_redirects=True)
        assert form.status_code == 200
        assert stranger.post(path, data={"password1": "x"}).status_code == 403
        assert stranger.get(path.removesuffix("/")).status_code in (301, 404)
        assert stranger.post(f"/welcome/{WELCOME}/").status_code == 403
        login = stranger.get("/accounts/login/")
        token = {"csrfmiddlewaretoken": stranger.cookies["csrftoken"]}
        wrong = {"login": "ben@example.org", "password": "wrong " + PASSWORD}
        assert login.status_code == 200
        assert stranger.post("/accounts/login/", data=wrong | token).status_code == 200
    return path.removesuffix("/").rpartition("/")[2]


def _share(browser: httpx.Client, conversation: str) -> str:
    """Read by a link, and by one that is none; gives what is secret of it."""
    page = browser.post(f"/c/{conversation}/share/", data={"days": 1}).text
    found = re.search(r'id="share-address" value="[^"]+/s/([^"/]+)/"', page)
    assert found is not None
    token = found[1]
    for address, status in ((f"/s/{token}/", 200), (f"/s/{token}x/", 404)):
        assert browser.get(address).status_code == status
    return token


def _scrape(evoweb: EvowebProcess) -> str:
    answer = httpx.get(
        f"{evoweb.url}/metrics",
        headers={"Authorization": f"Bearer {METRICS_TOKEN}"},
        trust_env=False,
    )
    assert answer.status_code == 200
    return answer.text

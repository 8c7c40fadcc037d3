"""What the operator may say, what happens when it is wrong, and what is never repeated."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evoweb.environment import BadEnvironment, Environment, read

KEY = "x" * 50


def given(folder: Path, **variables: str) -> Environment:
    return read({"EVOWEB_DATA_DIR": str(folder), **variables})


def refusal(folder: Path, **variables: str) -> str:
    with pytest.raises(BadEnvironment) as raised:
        given(folder, **variables)
    return str(raised.value)


def test_nothing_has_to_be_set(tmp_path: Path) -> None:
    environment = given(tmp_path)

    assert environment.is_demonstration
    assert (environment.host, environment.port) == ("127.0.0.1", 8000)
    assert environment.public_url == "http://127.0.0.1:8000"
    assert environment.models == ("Gemini-3.0-pro",)
    assert environment.base_url == "https://api.evolink.ai"
    assert environment.drain_seconds == 8
    assert environment.trusted_proxies == 0
    assert environment.database["ENGINE"] == "django.db.backends.sqlite3"
    assert environment.database["NAME"] == str(tmp_path / "evoweb.sqlite3")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("HOST", "not a host"),
        ("PUBLIC_URL", "chat.example.org"),
        ("PUBLIC_URL", "https://chat.example.org/chat"),
        ("PUBLIC_URL", "https://chat.example.org:port"),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "all"),
        ("EMAIL_URL", "mail.example.org"),
        ("EMAIL_URL", "http://mail.example.org"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("TIME_ZONE", "../etc/passwd"),
        ("LOG_LEVEL", "LOUD"),
        ("EVOWEB_DRAIN_SECONDS", "-1"),
        ("EVOWEB_DRAIN_SECONDS", "nan"),
        ("EVOWEB_DRAIN_SECONDS", "soon"),
        ("PUBLIC_URL", "http://*:8000"),
        ("PUBLIC_URL", "https://*"),
        ("PUBLIC_URL", "https://.example.org"),
        ("PUBLIC_URL", "https://exa mple.org"),
        ("PUBLIC_URL", "https://a,b"),
        ("EVOLINK_BASE_URL", "api.evolink.ai"),
        ("EVOLINK_BASE_URL", "https://user:pass@api.evolink.ai/v1"),
        ("EVOLINK_API_KEY", "“sk-curly”"),
        ("EVOLINK_MODELS", ","),
        ("EVOLINK_MODELS", "m" * 201),
        ("DATABASE_URL", "mysql://localhost/evoweb"),
        ("DATABASE_URL", "sqlite://:memory:"),
        ("DATABASE_URL", "nonsense"),
        ("EVOWEB_ON_STOP", "wait"),
        ("EVOWEB_TITLES", "yes"),
        ("EVOWEB_CONTEXT_WINDOWS", "128000"),
        ("EVOWEB_CONTEXT_WINDOWS", "model=128k"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "unix://"),
        # SQLite is for one process.
        ("REDIS_URL", "redis://localhost:6379/0"),
        ("SECRET_KEY", "short"),
        ("EVOWEB_ADMIN_EMAIL", "ana"),
        ("EVOWEB_ADMIN_EMAIL", "ana@@example.org"),
        ("EVOWEB_ADMIN_PASSWORD", "elevenchars"),
        ("LOG_FORMAT", "xml"),
        ("EVOWEB_CREDITS_PER_USD", "0"),
        ("EVOWEB_METER_ALARM", "ten"),
        ("EVOWEB_BALANCE_LOW", "1e9"),
        ("EVOWEB_METRICS_TOKEN", "fifteen-letters"),
        ("EVOWEB_METRICS_TOKEN", "a token with blanks"),
        ("EVOWEB_METRICS_TOKEN", "contraseña-de-métricas"),
    ],
)
def test_a_bad_value_is_named(tmp_path: Path, name: str, value: str) -> None:
    assert name in refusal(tmp_path, **{name: value})


def test_every_bad_value_is_named_at_once(tmp_path: Path) -> None:
    words = refusal(tmp_path, PORT="x", LOG_LEVEL="x", TIME_ZONE="x/y", EVOLINK_MODELS=",")

    assert len(words.splitlines()) == 5
    for name in ("PORT", "LOG_LEVEL", "TIME_ZONE", "EVOLINK_MODELS"):
        assert name in words


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://ana:hidden@localhost/evoweb"),
        ("REDIS_URL", "http://ana:hidden@redis.example.org"),
        ("EMAIL_URL", "ftp://ana:hidden@mail.example.org"),
        ("EVOLINK_BASE_URL", "https://ana:hidden@api.evolink.ai"),
        ("EVOLINK_API_KEY", "sk-hidden …"),
        ("SECRET_KEY", "hidden"),
        ("EVOWEB_ADMIN_PASSWORD", "hidden"),
        ("EVOWEB_METRICS_TOKEN", "hidden"),
    ],
)
def test_a_secret_is_never_repeated(tmp_path: Path, name: str, value: str) -> None:
    assert "hidden" not in refusal(tmp_path, **{name: value})


@pytest.mark.parametrize("key", ["sk-abc", " sk-abc\n", "Bearer sk-abc", "bearer  sk-abc"])
def test_a_key_may_be_pasted_with_what_stands_around_it(tmp_path: Path, key: str) -> None:
    environment = given(tmp_path, EVOLINK_API_KEY=key)

    assert environment.api_key == "sk-abc"
    assert not environment.is_demonstration


@pytest.mark.parametrize(
    "url",
    [
        "https://direct.evolink.ai",
        "https://direct.evolink.ai/",
        "https://direct.evolink.ai/v1",
        "https://direct.evolink.ai/v1/",
        "https://direct.evolink.ai/v1/chat/completions",
    ],
)
def test_the_upstreams_address_is_taken_in_every_usual_form(tmp_path: Path, url: str) -> None:
    assert given(tmp_path, EVOLINK_BASE_URL=url).base_url == "https://direct.evolink.ai"


def test_metrics_are_shown_to_nobody_unless_a_token_is_set(tmp_path: Path) -> None:
    assert given(tmp_path).metrics_token == ""
    assert given(tmp_path, EVOWEB_METRICS_TOKEN="sixteen-letters-").metrics_token


@pytest.mark.parametrize(("text", "format_"), [("", "line"), ("line", "line"), ("JSON", "json")])
def test_the_log_is_for_people_unless_programs_are_to_read_it(
    tmp_path: Path, text: str, format_: str
) -> None:
    assert given(tmp_path, LOG_FORMAT=text).log_format == format_


def test_models_are_a_list_whose_first_is_the_default(tmp_path: Path) -> None:
    environment = given(tmp_path, EVOLINK_MODELS=" gemini-3-pro-preview, glm-5.2 ,glm-5.2,")

    assert environment.models == ("gemini-3-pro-preview", "glm-5.2")


def test_on_sqlite_a_secret_is_made_once_for_this_user_alone(tmp_path: Path) -> None:
    first = given(tmp_path).secret_key
    second = given(tmp_path).secret_key

    assert first == second
    assert len(first) >= 50
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600


def test_of_two_starts_at_once_both_get_the_same_whole_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = {environment.secret_key for environment in threads.map(given, [tmp_path] * 8)}

    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


def test_on_postgresql_the_secret_has_to_be_given(tmp_path: Path) -> None:
    database = "postgresql://evoweb:hidden@db.example.org:5432/evoweb"

    assert "SECRET_KEY" in refusal(tmp_path, DATABASE_URL=database)
    assert given(tmp_path, DATABASE_URL=database, SECRET_KEY=KEY).secret_key == KEY
    assert not (tmp_path / "secret-key").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert "EVOWEB_DATA_DIR" in refusal(tmp_path / "file" / "data")


def test_the_first_administrator_needs_both_halves(tmp_path: Path) -> None:
    assert "EVOWEB_ADMIN_PASSWORD" in refusal(tmp_path, EVOWEB_ADMIN_EMAIL="ana@example.org")


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail.example.org", 25, False, False),
        ("smtp+tls://ana:p%40ss@mail.example.org", 587, True, False),
        ("smtps://ana:p%40ss@mail.example.org:4650", 4650, False, True),
    ],
)
def test_mail_goes_by_the_address_of_its_server(
    tmp_path: Path, url: str, port: int, tls: bool, ssl: bool
) -> None:
    email = given(tmp_path, EMAIL_URL=url).email

    assert (email["EMAIL_HOST"], email["EMAIL_PORT"]) == ("mail.example.org", port)
    assert (email["EMAIL_USE_TLS"], email["EMAIL_USE_SSL"]) == (tls, ssl)
    assert email["EMAIL_HOST_PASSWORD"] == ("p@ss" if "@mail" in url else "")


@pytest.mark.parametrize(
    ("url", "host", "secure"),
    [
        ("HTTPS://Chat.Example.org:443", "chat.example.org", True),
        ("https://chat.example.org", "chat.example.org", True),
        ("http://10.0.0.7:8000", "10.0.0.7", False),
        ("http://[2001:db8::1]:8000", "[2001:db8::1]", False),
    ],
)
def test_the_public_address_decides_hosts_and_cookies(
    tmp_path: Path, url: str, host: str, secure: bool
) -> None:
    environment = given(tmp_path, PUBLIC_URL=url)

    assert (environment.public_host, environment.is_secure) == (host, secure)
    assert environment.public_url == url.lower().removesuffix(":443")


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:6379/0", "rediss://:secret@redis.example.org", "unix:///run/redis"]
)
def test_several_processes_talk_over_redis(tmp_path: Path, url: str) -> None:
    shared = {"DATABASE_URL": "postgresql://localhost/evoweb", "SECRET_KEY": KEY}

    assert given(tmp_path, REDIS_URL=url, **shared).redis_url == url


# What systemd says


def test_a_socket_that_systemd_passed_to_this_process_is_taken(tmp_path: Path) -> None:
    ours = given(tmp_path, LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")

    assert ours.has_inherited_listener


@pytest.mark.parametrize(
    "variables",
    [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": "1", "LISTEN_FDS": "x"}],
)
def test_what_was_passed_to_another_process_is_not(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    assert not given(tmp_path, **variables).has_inherited_listener


@pytest.mark.parametrize("sockets", ["2", "-1", "one"])
def test_more_than_one_socket_is_refused(tmp_path: Path, sockets: str) -> None:
    words = refusal(tmp_path, LISTEN_PID=str(os.getpid()), LISTEN_FDS=sockets)

    assert f"LISTEN_FDS is '{sockets}': give one socket" in words


def test_where_to_tell_systemd_is_a_path_or_a_name(tmp_path: Path) -> None:
    addresses = ("/run/systemd/notify", "@systemd", "")

    assert (
        tuple(given(tmp_path, NOTIFY_SOCKET=each).notify_socket for each in addresses) == addresses
    )
    assert "NOTIFY_SOCKET is 'nowhere'" in refusal(tmp_path, NOTIFY_SOCKET="nowhere")

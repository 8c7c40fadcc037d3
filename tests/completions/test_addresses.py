"""Address and key as people paste them."""

import pytest

from chat.completions.client import normalise_base_url, normalise_key


@pytest.mark.parametrize(
    "pasted",
    [
        "https://direct.evolink.ai",
        "https://direct.evolink.ai/",
        " https://direct.evolink.ai/v1/ ",
        "https://direct.evolink.ai/v1/chat/completions",
        "https://direct.evolink.ai/v1/v1//chat/completions/",
        "https://direct.evolink.ai/v1/models",
        "https://direct.evolink.ai/V1",
        "https://direct.evolink.ai/v1/Chat/Completions",
        "https://direct.evolink.ai/v1/chat",
        "https://direct.evolink.ai/v1/completions/",
        "https://direct.evolink.ai/v1/responses",
        "https://direct.evolink.ai/v1beta",
        "https://direct.evolink.ai/v1beta/models",
    ],
)
def test_every_usual_form_of_the_address_is_understood(pasted: str) -> None:
    assert normalise_base_url(pasted) == "https://direct.evolink.ai"


def test_a_path_before_the_version_belongs_to_the_address() -> None:
    assert normalise_base_url("http://localhost:8080/api/v1") == "http://localhost:8080/api"
    assert normalise_base_url("http://localhost:8080/chat/v1") == "http://localhost:8080/chat"


@pytest.mark.parametrize("host", ["españa.example", "127.0.0.1:8080", "[::1]:8080", "x.example."])
def test_a_host_may_be_written_in_every_usual_way(host: str) -> None:
    assert normalise_base_url(f"https://{host}/v1") == f"https://{host}"


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "direct.evolink.ai",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x?a=b",
        "https://x#y",
        "https://x/v1?",
        "https://x/v1#",
        "https://x\u200b",
        "https://x/v1\u200b",
        "https://local host",
        "https://x/a b",
        "https://x\ny",
        "https://x\u2028y",
        "https://x\x07y",
        "https://x..y",
        f"https://{'x' * 64}.example",
        "https://x:port",
        "https://x:99999",
        "https://[::1",
    ],
)
def test_what_is_no_address_is_refused(pasted: str) -> None:
    with pytest.raises(ValueError, match="address"):
        normalise_base_url(pasted)


@pytest.mark.parametrize(
    "pasted",
    [
        *("sk-1", " sk-1\n", "Bearer sk-1", "bearer  sk-1 ", '"sk-1"', " 'sk-1' "),
        *("Bearer: sk-1", "Bearer:sk-1", "Bearer Bearer sk-1", 'Bearer "sk-1"', '"Bearer sk-1"'),
        "Authorization: Bearer sk-1",
    ],
)
def test_a_key_is_taken_without_what_was_pasted_with_it(pasted: str) -> None:
    assert normalise_key(pasted) == "sk-1"


@pytest.mark.parametrize("key", ["", "bearer-of-news", "authorization-1", "a'b"])
def test_a_key_that_looks_like_what_is_pasted_with_keys_is_left_alone(key: str) -> None:
    assert normalise_key(key) == key


@pytest.mark.parametrize("pasted", ["Bearer", " Bearer: ", '""', "Authorization: Bearer"])
def test_what_is_pasted_with_a_key_is_none_by_itself(pasted: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        normalise_key(pasted)


@pytest.mark.parametrize("pasted", ["sk-1\r\nX-Other: 1", "sk 1", "sk-ñ"])
def test_what_is_no_key_is_refused_without_being_repeated(pasted: str) -> None:
    with pytest.raises(ValueError, match="characters") as caught:
        normalise_key(pasted)

    assert pasted not in str(caught.value)

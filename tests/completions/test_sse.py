import time

import pytest

from chat.completions.errors import AnswerUnusable
from chat.completions.sse import EventStreamDecoder, ServerEvent


def decode(*reads: bytes) -> list[bytes]:
    decoder = EventStreamDecoder()
    events = [event for read in reads for event in decoder.feed(read)]
    return [event.data for event in events + decoder.finish()]


def test_an_event_is_the_data_before_a_blank_line() -> None:
    assert decode(b"data: one\n\ndata: two\n\n") == [b"one", b"two"]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_line_end_ends_a_line_wherever_the_reads_are_cut(newline: bytes) -> None:
    stream = newline.join([b"data: one", b"data: more", b"", b"data: two", b"", b""])

    for at in range(len(stream) + 1):
        assert decode(stream[:at], stream[at:]) == [b"one\nmore", b"two"]
    assert decode(*[stream[at : at + 1] for at in range(len(stream))]) == [b"one\nmore", b"two"]


def test_a_payload_may_contain_what_python_calls_a_line_end() -> None:
    payload = '{"t":"a\u2028b\u2029c\u0085d\x0be\x0cf"}'.encode()

    assert decode(b"data: " + payload + b"\n\n") == [payload]


@pytest.mark.parametrize("line", [b"data:x", b"data: x", b"data:   x", b"data: x  "])
def test_the_blanks_around_a_payload_do_not_matter(line: bytes) -> None:
    assert decode(line + b"\n\n") == [b"x"]


@pytest.mark.parametrize(
    "silence",
    [
        b": PING\n\n",
        b":\n\n",
        b": x-cost=3\n",
        b"data:\n\n",
        b"data\n\n",
        b"event: ping\n\n",
        b"event: ping\ndata:\n\n",
        b"id: 7\n\n",
        b"retry: 3000\n\n",
        b"\n\n\n",
    ],
)
def test_what_carries_no_payload_is_silent(silence: bytes) -> None:
    assert decode(silence + b"data: x\n\n" + silence) == [b"x"]


def test_the_lines_of_one_event_are_joined() -> None:
    assert decode(b"data: {\ndata: }\n\n") == [b"{\n}"]


def test_the_last_event_needs_no_blank_line() -> None:
    assert decode(b"data: one\n\ndata: two") == [b"one", b"two"]
    assert decode(b"data: one\n") == [b"one"]


def test_a_byte_order_mark_is_no_part_of_the_first_line_wherever_it_is_cut() -> None:
    stream = b"\xef\xbb\xbfdata: x\n\n"

    for at in range(len(stream)):
        assert decode(stream[:at], stream[at:]) == [b"x"]


def test_an_error_event_is_told_apart_even_without_data() -> None:
    decoder = EventStreamDecoder()

    events = decoder.feed(b"event: error\ndata: {}\n\nevent: error\n\nevent: other\ndata: x\n\n")

    assert events == [ServerEvent(b"{}", "error"), ServerEvent(b"", "error"), ServerEvent(b"x")]


def test_lines_of_no_event_stream_are_counted() -> None:
    decoder = EventStreamDecoder()

    assert decoder.feed(b"upstream request failed\nid: 1\n: comment\n") == []

    assert decoder.stray_lines == 1


@pytest.mark.parametrize("stream", [b"data: " + b"x" * 101, b"data: x\n" * 101, b"x" * 101])
def test_an_event_that_does_not_end_is_given_up(stream: bytes) -> None:
    decoder = EventStreamDecoder(largest_event=100)

    with pytest.raises(AnswerUnusable) as caught:
        [decoder.feed(stream[at : at + 1]) for at in range(len(stream))]

    assert caught.value.code == "too_long"


def test_a_huge_line_in_many_small_reads_costs_time_in_proportion() -> None:
    def seconds(size: int) -> float:
        decoder = EventStreamDecoder(largest_event=2 * size)
        began = time.process_time()
        decoder.feed(b"data: ")
        for _ in range(size // 64):
            decoder.feed(b"x" * 64)
        assert len(decoder.feed(b"\n\n")[0].data) == size
        return time.process_time() - began

    small, large = seconds(512 * 1024), seconds(8 * 1024 * 1024)

    # Sixteen times the bytes: a decoder that reads its rest again takes 256 times as long.
    assert large < 64 * max(small, 0.005)

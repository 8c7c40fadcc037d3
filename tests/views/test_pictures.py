"""Pictures: uploaded, sent, kept, shown to whoever may see them, and to nobody else."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from time import time
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from chat.domain import attachments, conversations, sharing
from chat.generation.service import Service
from chat.models import Attachment, Completion, Conversation, User
from chat.views import attached, refusals
from tests.factories import make_conversation, make_turn, uploaded
from tests.pictures import moving, picture, seen
from tests.upstream.process import Upstream
from tests.views.conftest import HTMX, Browser, messages_of, page_of, sealed, send

BLIND = "deepseek-v4-flash"


@pytest.fixture(autouse=True)
def _nobody_has_uploaded() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def file(content: bytes | None = None, name: str = "cat.jpg") -> SimpleUploadedFile:
    # What the browser says of it is not believed.
    content = picture() if content is None else content
    return SimpleUploadedFile(name, content, content_type="image/svg+xml")


def upload(browser: Client, **fields: Any) -> HttpResponse:
    answer = browser.post("/pictures/", {"picture": file(), **fields}, headers=HTMX)
    assert isinstance(answer, HttpResponse)
    return answer


def asked(upstream: Upstream) -> list[Any]:
    """What was said in the last request, message by message."""
    return [message["content"] for message in upstream.last.body["messages"]]


def image_in(part: Any) -> bytes:
    kind, _, content = part["image_url"]["url"].partition(";base64,")
    assert kind == "data:image/png"
    return base64.b64decode(content)


# Uploaded


def test_an_upload_lies_in_its_composer_through_a_reload(
    browser: Client, conversation: Conversation
) -> None:
    answer = upload(browser, conversation=str(conversation.pk))

    kept = Attachment.objects.get()
    assert answer.status_code == 201
    assert (kept.content_type, kept.width, kept.height) == ("image/jpeg", 64, 48)
    assert f'name="attachment" value="{kept.pk}"' in page_of(answer)
    assert str(kept.pk) in page_of(browser.get(f"/c/{conversation.pk}/"))
    assert str(kept.pk) not in page_of(browser.get("/"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cat.jpg is empty"),
        (b"Dear sir", "cat.jpg is no picture"),
        (b"<svg/>", "Save it as a PNG first"),
        (b"%PDF-1.7", "cat.jpg is a PDF file"),
        (moving("GIF"), "stands still"),
        (picture()[:300], "damaged or was cut off"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_what_to_do(
    browser: Client, content: bytes, words: str
) -> None:
    answer = browser.post("/pictures/", {"picture": file(content)}, headers=HTMX)

    assert (answer.status_code, answer["Content-Type"]) == (422, "text/plain; charset=utf-8")
    assert words in page_of(answer)
    assert not Attachment.objects.exists()


def test_nobody_uploads_into_a_chat_of_somebody_else(
    browser_of: Browser, ben: User, conversation: Conversation
) -> None:
    for place in (str(conversation.pk), str(uuid.uuid4()), "x"):
        assert upload(browser_of(ben), conversation=place).status_code == 404
    assert not Attachment.objects.exists()


def test_uploads_are_limited_in_a_minute_those_that_are_refused_too(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached, "UPLOADS_A_MINUTE", 2)

    answers = [upload(browser, picture=file(each)) for each in (picture(), b"x", picture())]

    assert [answer.status_code for answer in answers] == [201, 422, 422]
    assert "in a short time" in page_of(answers[2])
    assert Attachment.objects.count() == 1


def test_a_description_is_kept_and_what_is_removed_is_gone(browser: Client, ana: User) -> None:
    mine = uploaded(ana)

    browser.post(f"/pictures/{mine.pk}/describe/", {f"alt-{mine.pk}": " A <cat> "}, headers=HTMX)
    described = page_of(browser.get("/"))
    removed = browser.post(f"/pictures/{mine.pk}/remove/", {"text": "My words"}, headers=HTMX)

    assert "A &lt;cat&gt;" in described
    assert (removed.status_code, removed.content) == (200, b"")
    assert not Attachment.objects.exists()


def test_without_script_what_was_written_stays_when_a_picture_is_removed(
    browser: Client, ana: User
) -> None:
    mine, other = uploaded(ana), uploaded(ana, colour="red")

    form = {"text": "My words", f"alt-{other.pk}": "A tomato"}
    page = page_of(browser.post(f"/pictures/{mine.pk}/remove/", form))

    assert "My words</textarea>" in page
    assert f"attached-{mine.pk}" not in page
    assert "A tomato" in page


# Sent


def test_a_picture_goes_with_its_message_and_is_shown_in_it(
    service: Service, browser: Client, ana: User, conversation: Conversation, upstream: Upstream
) -> None:
    first, second = (uploaded(ana, conversation, colour=each) for each in ("red", "blue"))
    usage = {
        "prompt_tokens": 600,
        "completion_tokens": 2,
        "total_tokens": 602,
        "prompt_tokens_details": {"image_tokens": 516, "text_tokens": 84},
    }
    upstream.says("A tomato", usage=usage)

    answer = send(
        browser,
        "What is it?",
        messages_of(conversation),
        attachment=[str(second.pk), str(first.pk)],
        headers=HTMX,
    )

    sealed(conversation)
    (parts,) = asked(upstream)
    assert parts[0] == {"type": "text", "text": "What is it?"}
    colours = [seen(image_in(part)).getpixel((0, 0)) for part in parts[1:]]
    assert colours == [(0, 0, 255), (255, 0, 0)]
    row = Completion.objects.get()
    assert (row.prompt_image_tokens, row.prompt_text_tokens, row.prompt_pictures) == (516, 84, 2)
    whole = page_of(browser.get(f"/c/{conversation.pk}/"))
    assert "<dt>of which images</dt><dd>516</dd>" in whole
    for page in (page_of(answer), whole):
        shown = re.findall(r'href="/pictures/([0-9a-f-]+)/"', page)
        assert shown == [str(second.pk), str(first.pk)]
    # Nothing lies in the composer any more, and the answer says so to the page.
    assert 'id="composer-pictures"' in page_of(answer)
    assert 'name="attachment"' not in page_of(answer)


def test_a_picture_begins_a_conversation(
    service: Service, browser: Client, ana: User, upstream: Upstream
) -> None:
    mine = uploaded(ana)

    answer = send(browser, "What is it?", attachment=[str(mine.pk)])

    conversation = Conversation.objects.get()
    sealed(conversation)
    assert answer.status_code == 302
    assert len(asked(upstream)[0]) == 2
    assert str(mine.pk) not in page_of(browser.get("/"))


def test_without_script_files_go_with_the_form_and_twice_the_same_send_is_one(
    service: Service, browser: Client, conversation: Conversation, upstream: Upstream
) -> None:
    key = str(uuid.uuid4())
    for _ in range(2):
        pictures = [file(picture("PNG")), file(picture("PNG", colour="red"))]
        answer = send(browser, "Which?", messages_of(conversation), send_key=key, pictures=pictures)

        assert answer.status_code == 302
    sealed(conversation)
    assert conversation.messages.count() == 2
    assert [each.message_id is None for each in Attachment.objects.all()] == [False, False]
    assert len(asked(upstream)[0]) == 3


def test_the_same_key_with_other_pictures_is_another_send(
    service: Service, browser: Client, ana: User, conversation: Conversation
) -> None:
    key = str(uuid.uuid4())
    one, other = uploaded(ana, conversation), uploaded(ana, conversation, colour="red")
    send(browser, "Which?", messages_of(conversation), send_key=key, attachment=[str(one.pk)])

    again = send(
        browser, "Which?", messages_of(conversation), send_key=key, attachment=[str(other.pk)]
    )

    assert again.status_code == 409
    assert "out of date" in page_of(again)
    assert Attachment.objects.unsent_by(ana).get() == other


def test_what_is_wrong_with_one_file_keeps_the_others_and_the_text(
    service: Service, browser: Client, conversation: Conversation
) -> None:
    pictures = [file(picture("PNG")), file(b"%PDF-1.7", "offer.pdf")]

    answer = send(browser, "Which?", messages_of(conversation), pictures=pictures)

    assert answer.status_code == 422
    assert "offer.pdf is a PDF file" in page_of(answer)
    assert "Which?</textarea>" in page_of(answer)
    assert str(Attachment.objects.get().pk) in page_of(answer)
    assert not conversation.messages.exists()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_model_that_takes_no_pictures_is_not_asked(
    service: Service, browser: Client, ana: User, upstream: Upstream, headers: dict[str, str]
) -> None:
    conversation = make_conversation(ana, model=BLIND)
    mine = uploaded(ana, conversation)
    page = page_of(browser.get(f"/c/{conversation.pk}/"))

    answer = send(
        browser,
        "What?",
        messages_of(conversation),
        attachment=[str(mine.pk)],
        headers=headers,
    )

    assert f"{BLIND} takes no pictures." in page
    assert answer.status_code == 422
    assert "Choose another model" in page_of(answer)
    assert Attachment.objects.unsent_by(ana).get() == mine
    assert upstream.requests == []


def test_the_operator_knows_better_which_models_take_pictures(
    service: Service, browser: Client, ana: User, upstream: Upstream, settings: Settings
) -> None:
    settings.PICTURE_MODELS = {BLIND: True, "Gemini-3.0-pro": False}
    seeing, blind = make_conversation(ana, model=BLIND), make_conversation(ana)

    answers = [
        send(
            browser,
            "What?",
            messages_of(each),
            attachment=[str(uploaded(ana, each).pk)],
            headers=HTMX,
        ).status_code
        for each in (seeing, blind)
    ]

    assert answers == [200, 422]
    sealed(seeing)
    assert len(asked(upstream)[0]) == 2


def test_pictures_that_are_gone_are_told_and_the_page_shows_what_is_left(
    service: Service, browser: Client, ana: User, ben: User, conversation: Conversation
) -> None:
    mine, theirs = uploaded(ana, conversation), uploaded(ben)
    sent = uploaded(ana, conversation, colour="red")
    first = send(browser, "One", messages_of(conversation), attachment=[str(sent.pk)])
    sealed(conversation)

    for other in (theirs.pk, sent.pk, uuid.uuid4()):
        answer = send(
            browser,
            "Two",
            messages_of(conversation),
            attachment=[str(mine.pk), str(other)],
            headers=HTMX,
        )

        assert answer.status_code == 409
        assert "sent or removed in the meantime" in page_of(answer)
        assert f'name="attachment" value="{mine.pk}"' in page_of(answer)
    assert first.status_code == 302
    assert conversation.messages.count() == 2


def test_a_message_has_so_many_pictures_and_no_more(
    service: Service,
    browser: Client,
    conversation: Conversation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (attachments, refusals):
        monkeypatch.setattr(module, "MOST_IN_MESSAGE", 3)
    many = [str(uuid.uuid4()) for _ in range(4)]

    answer = send(browser, "All", messages_of(conversation), attachment=many, headers=HTMX)

    assert answer.status_code == 422
    assert "up to 3 pictures" in page_of(answer)


# In the history


def test_pictures_stay_in_the_history_and_with_an_edited_message(
    service: Service, browser: Client, ana: User, conversation: Conversation, upstream: Upstream
) -> None:
    red, blue = (uploaded(ana, conversation, colour=each) for each in ("red", "blue"))
    ids = [str(red.pk), str(blue.pk)]
    send(browser, "Which?", messages_of(conversation), attachment=ids)
    reply = sealed(conversation)
    prompt = conversation.messages.exclude(attachments=None).distinct().get()

    browser.post(f"/c/{conversation.pk}/messages/{reply.pk}/try-again/")
    sealed(conversation)
    again = asked(upstream)
    send(browser, "And then?", messages_of(conversation))
    sealed(conversation)
    later = asked(upstream)
    page = page_of(browser.get(f"/c/{conversation.pk}/messages/{prompt.pk}/edit/"))
    send(
        browser,
        "Only the blue one",
        f"/c/{conversation.pk}/messages/{prompt.pk}/edit/",
        attachment=[str(blue.pk)],
    )
    sealed(conversation)

    assert [len(parts) for parts in (again[0], later[0])] == [3, 3]
    assert later[2] == "And then?"
    assert re.findall(r'name="attachment" value="([^"]+)" checked', page) == ids
    (edited,) = asked(upstream)
    assert [seen(image_in(part)).getpixel((0, 0)) for part in edited[1:]] == [(0, 0, 255)]
    # The earlier version has what it had.
    assert list(prompt.attachments.in_order()) == [red, blue]


def test_a_model_without_eyes_is_asked_without_the_pictures_of_before_and_the_page_says_so(
    service: Service, browser: Client, ana: User, conversation: Conversation, upstream: Upstream
) -> None:
    send(
        browser,
        "Which?",
        messages_of(conversation),
        attachment=[str(uploaded(ana, conversation).pk)],
    )
    reply = sealed(conversation)
    refused = browser.post(
        f"/c/{conversation.pk}/messages/{reply.pk}/try-again/", {"model": BLIND}, headers=HTMX
    )
    Conversation.objects.update(model=BLIND)

    page = page_of(browser.get(f"/c/{conversation.pk}/"))
    send(browser, "And then?", messages_of(conversation))
    sealed(conversation)

    assert refused.status_code == 422
    assert f"{BLIND} takes no pictures: it is asked without those of this chat." in page
    assert asked(upstream)[0] == "Which?"


def test_a_picture_alone_is_a_message(
    service: Service, browser: Client, ana: User, upstream: Upstream
) -> None:
    first, second = uploaded(ana, colour="red"), uploaded(ana, colour="blue")
    send(browser, " \n", attachment=[str(first.pk), str(second.pk)])
    conversation = Conversation.objects.get()
    sealed(conversation)
    (parts,) = asked(upstream)
    prompt = conversation.messages.get(role="user")
    edit = f"/c/{conversation.pk}/messages/{prompt.pk}/edit/"
    send(browser, "", edit, attachment=[str(second.pk)])
    sealed(conversation)
    (edited,) = asked(upstream)
    nothing = send(browser, "", edit, headers=HTMX)
    Conversation.objects.update(model=BLIND)
    send(browser, "And then?", messages_of(conversation))
    sealed(conversation)

    assert [part["type"] for part in parts] == ["image_url", "image_url"]
    assert [seen(image_in(part)).getpixel((0, 0)) for part in edited] == [(0, 0, 255)]
    assert nothing.status_code == 422
    assert "Write a message first." in page_of(nothing)
    assert (conversation.title, prompt.text) == ("Picture", "")
    # An empty message would be refused.
    assert asked(upstream)[0] == "(Pictures, which are not shown to you.)"
    transcript = page_of(browser.get(f"/c/{conversation.pk}.md"))
    assert re.search(r"## You\n\n!\[Picture\]\(\S+\)\n\n## ", transcript)


def test_neither_words_nor_a_picture_are_no_message(browser: Client, ana: User) -> None:
    answer = send(browser, " ", headers=HTMX)

    assert answer.status_code == 422
    assert "Write a message first." in page_of(answer)
    assert not Conversation.objects.exists()


# Shown


def test_a_picture_is_shown_as_a_picture_and_nothing_else(browser: Client, ana: User) -> None:
    mine = uploaded(ana)

    whole, small = (browser.get(f"/pictures/{mine.pk}/{part}") for part in ("", "small/"))

    for answer, kind in ((whole, "png"), (small, "webp")):
        assert answer["Content-Type"] == f"image/{kind}"
        assert answer["Content-Disposition"].startswith('inline; filename="picture-')
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    assert seen(whole.content).size == (64, 48)


def test_only_who_may_see_the_message_sees_its_pictures(
    browser: Client, browser_of: Browser, ana: User, ben: User, conversation: Conversation
) -> None:
    waiting, sent = uploaded(ana, conversation), uploaded(ana, colour="red")
    prompt = make_turn(conversation).prompt
    Attachment.objects.filter(pk=sent.pk).update(message=prompt)

    for each in (waiting, sent):
        for part in ("", "small/"):
            path = f"/pictures/{each.pk}/{part}"
            missing = browser.get(f"/pictures/{uuid.uuid4()}/{part}")

            assert browser.get(path).status_code == 200
            assert browser_of(ben).get(path).status_code == missing.status_code == 404
    for deed in ("describe", "remove"):
        # Not what is somebody else's, nor what was sent.
        assert browser_of(ben).post(f"/pictures/{waiting.pk}/{deed}/").status_code == 404
        assert browser.post(f"/pictures/{sent.pk}/{deed}/").status_code == 404
    conversations.delete(conversation)
    assert browser.get(f"/pictures/{sent.pk}/").status_code == 404
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert browser.get(f"/pictures/{waiting.pk}/").status_code == 302


def test_who_reads_by_a_link_sees_the_pictures_of_what_is_shown_and_no_others(
    browser_of: Browser, ana: User, ben: User, conversation: Conversation
) -> None:
    shown, other = (uploaded(ana, colour=each) for each in ("red", "blue"))
    prompt = make_turn(conversation).prompt
    Attachment.objects.filter(pk=shown.pk).update(message=prompt)
    conversation.messages.filter(pk=prompt.pk).update(pictures=1)
    elsewhere = make_turn(make_conversation(ana)).prompt
    Attachment.objects.filter(pk=other.pk).update(message=elsewhere)
    shared = sharing.share(conversation, by=ana, lasts=timedelta(days=1))
    token = shared.token
    reader = browser_of(ben)

    page = page_of(reader.get(f"/s/{token}/"))
    answers = [reader.get(f"/s/{token}/pictures/{each.pk}/small/") for each in (shown, other)]

    assert f"/s/{token}/pictures/{shown.pk}/" in page
    assert f'"/pictures/{shown.pk}/' not in page
    assert [answer.status_code for answer in answers] == [200, 404]
    assert answers[0]["Cache-Control"] == "private, no-store"
    assert reader.get(f"/pictures/{shown.pk}/").status_code == 404
    sharing.end(shared.link)
    assert reader.get(f"/s/{token}/pictures/{shown.pk}/").status_code == 404


def test_a_conversation_as_markdown_has_the_addresses_of_its_pictures(
    browser: Client, ana: User, conversation: Conversation, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://chat.example.org"
    mine = uploaded(ana, alt="A [cat]\non a mat")
    prompt = make_turn(conversation, "What is it?").prompt
    Attachment.objects.filter(pk=mine.pk).update(message=prompt)
    conversation.messages.filter(pk=prompt.pk).update(pictures=1)

    text = page_of(browser.get(f"/c/{conversation.pk}.md"))

    address = f"https://chat.example.org/pictures/{mine.pk}/"
    assert f"What is it?\n\n![A \\[cat\\] on a mat]({address})\n" in text


# For the model's service


def test_a_service_fetches_just_what_its_address_is_signed_for_where_the_operator_has_it_so(
    service: Service,
    browser: Client,
    browser_of: Browser,
    ana: User,
    conversation: Conversation,
    upstream: Upstream,
    settings: Settings,
) -> None:
    settings.PUBLIC_URL, settings.PICTURE_LINKS = "https://chat.example.org", True
    sent, other = uploaded(ana, conversation), uploaded(ana, conversation, colour="red")
    send(browser, "What?", messages_of(conversation), attachment=[str(sent.pk)])
    sealed(conversation)

    url = asked(upstream)[0][1]["image_url"]["url"]
    path = url.removeprefix("https://chat.example.org")
    stranger = browser_of(None)
    fetched = stranger.get(path)
    forged = [
        path.replace(sent.sha256, other.sha256),
        path.replace(".png", "x.png"),
        f"/p/{sent.sha256}.png",
    ]
    later = time() + 3601

    assert re.fullmatch(r"https://chat\.example\.org/p/[\w:-]+\.png", url)
    assert (fetched["Content-Type"], fetched["Cache-Control"]) == ("image/png", "private, no-store")
    assert fetched.content == browser.get(f"/pictures/{sent.pk}/").content
    assert [stranger.get(each).status_code for each in forged] == [404] * 3
    with pytest.MonkeyPatch.context() as clock:
        clock.setattr("django.core.signing.time.time", lambda: later)
        assert stranger.get(path).status_code == 404
    settings.PICTURE_LINKS = False
    assert stranger.get(path).status_code == 404

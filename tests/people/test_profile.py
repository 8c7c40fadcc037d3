"""The profile: name, language, time zone and theme, for this person alone."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone, translation
from pytest_django import Settings

from chat.middleware import PreferencesMiddleware
from chat.models import User
from chat.queries.people import theme_of
from chat.views import people
from tests.people.conftest import SignIn

PROFILE = "/profile/"
THEME = "/profile/theme/"
FORM = {"display_name": "Benedict", "language": "", "time_zone": "Europe/Madrid", "theme": "dark"}


def test_the_profile_is_saved(ben: User, ana: User, sign_in: SignIn) -> None:
    browser = sign_in(ben)

    answer = browser.post(PROFILE, FORM | {"display_name": "  Benedict "})

    assert (answer.status_code, answer["Location"]) == (302, PROFILE)
    ben.refresh_from_db()
    assert (ben.name, ben.language, ben.time_zone, ben.theme) == (
        "Benedict",
        "",
        "Europe/Madrid",
        "dark",
    )
    ana.refresh_from_db()
    assert (ana.name, ana.theme) == ("Ana", "auto")
    said = [str(message) for message in browser.get(PROFILE).context["messages"]]
    assert said == ["Your profile is saved."]


def test_the_profile_shows_what_is_kept(ben: User, sign_in: SignIn) -> None:
    browser = sign_in(ben)
    browser.post(PROFILE, FORM)

    form = browser.get(PROFILE).context["form"]

    assert {name: form[name].value() for name in form.fields} == {
        **FORM,
        # A box that is not ticked is not sent.
        "wants_titles": False,
    }


def test_the_profile_changes_nothing_else(ben: User, sign_in: SignIn) -> None:
    sign_in(ben).post(
        PROFILE, FORM | {"email": "x@example.org", "is_superuser": "on", "is_staff": "on"}
    )

    ben.refresh_from_db()
    assert (ben.email, ben.is_superuser, ben.is_staff) == ("ben@example.org", False, False)


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_is_led_to_the_sign_in_page(ben: User, client: Client, method: str) -> None:
    answer = getattr(client, method)(PROFILE, FORM if method == "post" else None)

    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={PROFILE}")
    ben.refresh_from_db()
    assert ben.name == "Ben"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"language": "xx"}, "language"),
        ({"theme": "pink"}, "theme"),
        ({"display_name": "x" * 101}, "display_name"),
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_is_saved(
    ben: User, sign_in: SignIn, change: dict[str, str], field: str
) -> None:
    answer = sign_in(ben).post(PROFILE, FORM | change)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert answer.context["user"].name == "Ben"
    ben.refresh_from_db()
    assert (ben.name, ben.time_zone, ben.theme) == ("Ben", "", "auto")


def test_every_time_zone_is_offered_under_its_region(ben: User, sign_in: SignIn) -> None:
    page = sign_in(ben).get(PROFILE).content.decode()

    assert '<option value="" selected>Like the browser&#x27;s</option>' in page
    assert '<optgroup label="Europe">' in page
    assert '<option value="Europe/Madrid">Madrid</option>' in page
    assert '<option value="UTC">UTC</option>' in page


@pytest.mark.parametrize(
    ("browser", "profile", "shown"),
    [("en", "", "en"), ("es", "", "es"), ("en", "es", "es"), ("es", "en", "en"), ("de", "", "en")],
)
def test_pages_speak_the_profiles_language_else_the_browsers(
    ben: User, sign_in: SignIn, browser: str, profile: str, shown: str
) -> None:
    User.objects.filter(pk=ben.pk).update(language=profile)

    page = sign_in(ben, **{"Accept-Language": browser}).get(PROFILE)

    assert page["Content-Language"] == shown
    assert f'<html lang="{shown}"' in page.content.decode()


@pytest.mark.parametrize(("chosen", "shown"), [("es", "es"), ("en", "en"), ("", "en")])
def test_a_new_language_shows_on_the_next_page_and_in_what_it_says(
    ben: User, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, chosen: str, shown: str
) -> None:
    User.objects.filter(pk=ben.pk).update(language="en" if chosen == "es" else "es")
    monkeypatch.setattr(people, "_", lambda text: translation.get_language())
    browser = sign_in(ben, **{"Accept-Language": "en"})

    page = browser.post(PROFILE, FORM | {"language": chosen}, follow=True)

    assert page["Content-Language"] == shown
    assert [str(message) for message in page.context["messages"]] == [shown]


def test_one_persons_language_is_not_the_next_ones(ben: User, ana: User, sign_in: SignIn) -> None:
    User.objects.filter(pk=ben.pk).update(language="es")
    bens, anas = sign_in(ben), sign_in(ana)

    languages = [browser.get(PROFILE)["Content-Language"] for browser in (bens, anas, bens)]

    assert languages == ["es", "en", "es"]


@pytest.mark.parametrize(
    ("profile", "browser", "active"),
    [
        ("Asia/Tokyo", "", "Asia/Tokyo"),
        ("Asia/Tokyo", "Europe/Madrid", "Asia/Tokyo"),
        ("", "Europe/Madrid", "Europe/Madrid"),
        ("", "", "America/Lima"),
        ("", "../../etc/passwd", "America/Lima"),
        ("Gone/Zone", "", "America/Lima"),
    ],
)
def test_times_are_shown_in_the_profiles_zone_else_the_browsers_else_the_teams(
    ben: User, settings: Settings, profile: str, browser: str, active: str
) -> None:
    settings.TIME_ZONE = "America/Lima"
    ben.time_zone = profile
    request = RequestFactory().get("/")
    request.COOKIES["zone"] = browser
    request.user = ben

    answer = PreferencesMiddleware(_zone_in_view)(request)

    assert answer.content.decode() == active
    assert timezone.get_current_timezone_name() == "America/Lima"


def _zone_in_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse(timezone.get_current_timezone_name())


def test_a_theme_is_kept_in_the_profile(ben: User, ana: User, sign_in: SignIn) -> None:
    answer = sign_in(ben).post(THEME, {"theme": "dark", "next": "/profile/?a=b"})

    assert (answer.status_code, answer["Location"]) == (302, "/profile/?a=b")
    assert "theme" not in answer.cookies
    for person in (ben, ana):
        person.refresh_from_db()
    assert (ben.theme, ana.theme) == ("dark", "auto")


@pytest.mark.django_db
@pytest.mark.parametrize("secure", [True, False])
def test_before_signing_in_a_theme_is_kept_in_a_cookie(
    client: Client, settings: Settings, secure: bool
) -> None:
    settings.SESSION_COOKIE_SECURE = secure

    answer = client.post(THEME, {"theme": "light", "next": "/accounts/login/"})

    cookie = answer.cookies["theme"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("light", True, "Lax")
    assert bool(cookie["secure"]) == secure
    assert theme_of(client.get("/accounts/login/").wsgi_request) == "light"


def test_the_profiles_theme_is_stronger_than_the_cookies(ben: User, sign_in: SignIn) -> None:
    browser = sign_in(ben)
    browser.cookies["theme"] = "light"
    browser.post(THEME, {"theme": "dark"})

    assert theme_of(browser.get(PROFILE).wsgi_request) == "dark"


@pytest.mark.django_db
def test_a_cookie_of_nonsense_is_no_theme(client: Client) -> None:
    client.cookies["theme"] = '"><script>'

    assert theme_of(client.get("/accounts/login/").wsgi_request) == "auto"


def test_a_theme_that_there_is_not_is_refused(ben: User, sign_in: SignIn) -> None:
    assert sign_in(ben).post(THEME, {"theme": "pink"}).status_code == 400
    ben.refresh_from_db()
    assert ben.theme == "auto"


def test_looking_at_the_address_changes_no_theme(ben: User, sign_in: SignIn) -> None:
    assert sign_in(ben).get(THEME, {"theme": "dark"}).status_code == 405
    ben.refresh_from_db()
    assert ben.theme == "auto"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", ""]
)
def test_a_theme_never_leads_elsewhere(ben: User, sign_in: SignIn, elsewhere: str) -> None:
    answer = sign_in(ben).post(THEME, {"theme": "dark", "next": elsewhere})

    assert answer["Location"] == "/"

"""Django's admin: for administrators, about people, through evoweb's own sign-in page."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db import models
from django.test import Client

from chat.admin import site
from chat.models import User
from tests.people.conftest import PASSWORD, SignIn, is_signed_in

PEOPLE = "/admin/chat/user/"


def form(user: User, **changes: str) -> dict[str, str]:
    """The change page as it comes, every switch as it stands."""
    fields = {"display_name": user.display_name, "language": user.language}
    fields |= {"is_active": "on"} if user.is_active else {}
    fields |= {"is_superuser": "on"} if user.is_superuser else {}
    return {name: value for name, value in (fields | changes).items() if value != "off"}


def page_of(user: User) -> str:
    return f"{PEOPLE}{user.pk}/change/"


def test_an_administrator_sees_everybody(ana: User, ben: User, sign_in: SignIn) -> None:
    page = sign_in(ana).get(PEOPLE)

    assert list(page.context["cl"].queryset) == [ana, ben]


@pytest.mark.parametrize(("words", "found"), [("ben@", 1), ("Ben", 1), ("nobody", 0)])
def test_people_are_found_by_name_and_address(
    ana: User, ben: User, sign_in: SignIn, words: str, found: int
) -> None:
    page = sign_in(ana).get(PEOPLE, {"q": words})

    assert list(page.context["cl"].queryset) == [ben][:found]


@pytest.mark.parametrize(
    "rights", [{}, {"is_staff": True}, {"is_superuser": True}], ids=["member", "staff", "superuser"]
)
@pytest.mark.parametrize("path", ["/admin/", PEOPLE])
def test_whoever_is_no_administrator_sees_nothing(
    ana: User, ben: User, sign_in: SignIn, rights: dict[str, bool], path: str
) -> None:
    User.objects.filter(pk=ben.pk).update(**rights)

    answer = sign_in(ben).get(path, follow=True)

    assert answer.status_code == 403
    assert ana.email not in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/", PEOPLE, "/admin/login/"])
def test_a_stranger_is_led_to_evowebs_own_sign_in_page(client: Client, path: str) -> None:
    answer = client.get(path, follow=True)

    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=/admin/")
    assert answer.status_code == 200


def test_the_admins_own_sign_in_takes_no_password(ana: User, client: Client) -> None:
    answer = client.post("/admin/login/", {"username": ana.email, "password": PASSWORD})

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/admin/")
    assert not is_signed_in(client)


def test_signing_in_leads_back_into_the_admin(ana: User, client: Client) -> None:
    answer = client.get(PEOPLE, follow=True)
    signed_in = client.post(
        answer.redirect_chain[-1][0], {"login": ana.email, "password": PASSWORD}, follow=True
    )

    assert signed_in.redirect_chain[-1][0] == PEOPLE
    assert signed_in.status_code == 200


def test_passwords_are_changed_on_evowebs_own_page(ana: User, sign_in: SignIn) -> None:
    answer = sign_in(ana).post("/admin/password_change/", {"old_password": PASSWORD})

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/password/change/")


@pytest.mark.django_db(transaction=True)
def test_switching_somebody_off_ends_their_sessions(ana: User, ben: User, sign_in: SignIn) -> None:
    anas, bens = sign_in(ana), sign_in(ben)

    answer = anas.post(page_of(ben), form(ben, is_active="off"))

    assert answer.status_code == 302
    assert not is_signed_in(bens)
    assert is_signed_in(anas)
    assert Session.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_several_are_switched_off_at_once_but_never_oneself(
    ana: User, ben: User, sign_in: SignIn
) -> None:
    anas, bens = sign_in(ana), sign_in(ben)

    anas.post(PEOPLE, {"action": "switch_off", "_selected_action": [ana.pk, ben.pk]})

    assert is_signed_in(anas)
    assert not is_signed_in(bens)
    assert list(User.objects.filter(is_active=True)) == [ana]


def test_somebody_is_switched_on_again(ana: User, ben: User, sign_in: SignIn) -> None:
    User.objects.filter(pk=ben.pk).update(is_active=False)

    sign_in(ana).post(page_of(ben), form(ben, is_active="on"))

    assert is_signed_in(sign_in(ben))


@pytest.mark.parametrize(("switch", "expected"), [("on", True), ("off", False)])
def test_an_administrator_makes_and_unmakes_administrators(
    ana: User, ben: User, sign_in: SignIn, switch: str, expected: bool
) -> None:
    User.objects.filter(pk=ben.pk).update(is_superuser=not expected, is_staff=not expected)

    sign_in(ana).post(page_of(ben), form(ben, is_superuser=switch))

    ben.refresh_from_db()
    assert (ben.is_superuser, ben.is_staff) == (expected, expected)


def test_an_administrator_makes_reviewers(ana: User, ben: User, sign_in: SignIn) -> None:
    sign_in(ana).post(page_of(ben), form(ben, is_reviewer="on"))

    ben.refresh_from_db()
    assert (ben.is_reviewer, ben.is_administrator) == (True, False)


def test_nobody_takes_their_own_rights_away(ana: User, sign_in: SignIn) -> None:
    sign_in(ana).post(page_of(ana), {"display_name": "Anna", "language": ""})

    ana.refresh_from_db()
    assert (ana.name, ana.is_active, ana.is_superuser, ana.is_staff) == ("Anna", True, True, True)


def test_a_member_changes_nobody(ana: User, ben: User, sign_in: SignIn) -> None:
    sign_in(ben).post(page_of(ana), form(ana, display_name="Hacked", is_active="off"))

    ana.refresh_from_db()
    assert (ana.name, ana.is_active) == ("Ana", True)


def test_an_address_is_not_changed(ana: User, ben: User, sign_in: SignIn) -> None:
    sign_in(ana).post(page_of(ben), form(ben, email="other@example.org", display_name="Benny"))

    ben.refresh_from_db()
    assert (ben.email, ben.name) == ("ben@example.org", "Benny")


@pytest.mark.parametrize(
    "path", [f"{PEOPLE}add/", f"{PEOPLE}{{}}/delete/", f"{PEOPLE}{{}}/password/"]
)
def test_nobody_is_added_or_deleted_or_given_a_password(
    ana: User, ben: User, sign_in: SignIn, path: str
) -> None:
    browser, before = sign_in(ana), ben.password

    answer = browser.post(path.format(ben.pk), {"post": "yes"}, follow=True)
    browser.post(PEOPLE, {"action": "delete_selected", "_selected_action": [ben.pk], "post": "yes"})

    assert answer.status_code in (200, 403, 404)
    ben.refresh_from_db()
    assert ben.password == before
    assert User.objects.count() == 2


@pytest.mark.parametrize("model", [Group, EmailAddress])
def test_what_others_register_is_not_shown(model: type[models.Model]) -> None:
    assert admin.site.is_registered(model)
    assert not site.is_registered(model)

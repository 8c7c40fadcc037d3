"""Presets: whose they are, that names tell them apart, and what becomes of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from chat.domain import accounts, owned, presets
from chat.domain.parameters import Parameters
from chat.models import Preset, User
from tests.factories import make_preset, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(db: None) -> User:
    return make_user("boss", is_staff=True, is_superuser=True)


def names(found: object) -> list[str]:
    assert isinstance(found, type(Preset.objects.all()))
    return [preset.name for preset in found.in_order()]


def test_one_uses_ones_own_and_what_is_shared_in_the_order_of_their_names(
    ana: User, ben: User
) -> None:
    for owner, name in ((None, "b"), (ben, "Bens"), (ana, "z"), (None, "A"), (ana, "y")):
        make_preset(owner, name)
    make_preset(ana, "x", deleted_at=timezone.now())

    assert names(Preset.objects.usable_by(ana)) == ["y", "z", "A", "b"]
    assert names(Preset.objects.usable_by(ben)) == ["Bens", "A", "b"]


@pytest.mark.parametrize("deleted", [False, True])
def test_what_is_shared_is_changed_by_administrators_and_ones_own_by_nobody_else(
    ana: User, ben: User, boss: User, deleted: bool
) -> None:
    moment = timezone.now() if deleted else None
    make_preset(ana, "Anas", deleted_at=moment)
    make_preset(None, "All", deleted_at=moment)
    door = Preset.objects.deleted_by if deleted else Preset.objects.changeable_by
    other = Preset.objects.changeable_by if deleted else Preset.objects.deleted_by

    assert [names(door(person)) for person in (ana, ben, boss)] == [["Anas"], [], ["All"]]
    assert [names(other(person)) for person in (ana, ben, boss)] == [[], [], []]


def test_nothing_is_there_for_whoever_is_nobody_or_switched_off(ana: User, boss: User) -> None:
    make_preset(boss, "Mine")
    make_preset(None, "All")
    make_preset(None, "Gone", deleted_at=timezone.now())
    boss.is_active = False

    for person in (AnonymousUser(), boss):
        assert not Preset.objects.usable_by(person).exists()
        assert not Preset.objects.changeable_by(person).exists()
        assert not Preset.objects.deleted_by(person).exists()


def test_a_preset_keeps_what_differs_from_what_is_usual(ana: User) -> None:
    kept = presets.keep(
        Preset(),
        owner=ana,
        name="Kind",
        model="m",
        system_prompt="Be kind.",
        parameters=Parameters(temperature=0.2),
    )

    kept.refresh_from_db()
    assert (kept.owner, kept.name, kept.model) == (ana, "Kind", "m")
    assert (kept.system_prompt, kept.parameters) == ("Be kind.", {"temperature": 0.2})


def test_a_name_is_taken_once_by_each_and_once_for_all(ana: User, ben: User) -> None:
    for owner in (ana, ben, None):
        make_preset(owner, "Kind")
    other = make_preset(ana, "Other")

    for owner in (ana, None):
        with pytest.raises(owned.NameTaken):
            presets.keep(
                other,
                owner=owner,
                name="kiND",
                model="m",
                system_prompt="",
                parameters=Parameters(),
            )

    other.refresh_from_db()
    assert (other.owner, other.name) == (ana, "Other")


def test_what_was_deleted_comes_back_unless_its_name_is_taken_meanwhile(ana: User) -> None:
    preset = make_preset(ana)

    owned.delete(preset)
    assert names(Preset.objects.usable_by(ana)) == []
    owned.restore(preset)
    assert names(Preset.objects.usable_by(ana)) == ["Kind"]
    owned.delete(preset)
    make_preset(ana, "kind")

    with pytest.raises(owned.NameTaken):
        owned.restore(preset)
    assert names(Preset.objects.usable_by(ana)) == ["kind"]


def test_after_a_week_it_is_gone_and_nobodys_default(ana: User) -> None:
    week = owned.KEPT_AFTER_DELETING
    gone = make_preset(ana, deleted_at=timezone.now() - week - timedelta(minutes=1))
    make_preset(ana, deleted_at=timezone.now() - week + timedelta(minutes=1))
    make_preset(ana, "Used")
    presets.choose_default(gone, user=ana)

    owned.purge()

    assert Preset.objects.count() == 2
    ana.refresh_from_db()
    assert ana.default_preset is None


def test_chats_begin_with_the_default_as_long_as_one_may_use_it(ana: User, ben: User) -> None:
    shared, bens = make_preset(None), make_preset(ben)
    assert presets.default_of(ana) is None

    presets.choose_default(shared, user=ana)
    assert presets.default_of(ana) == shared
    owned.delete(shared)
    assert presets.default_of(ana) is None
    presets.choose_default(bens, user=ana)
    assert presets.default_of(ana) is None
    presets.choose_default(None, user=ana)

    ana.refresh_from_db()
    assert ana.default_preset is None


def test_with_a_person_go_their_presets_and_what_they_shared_stays(ana: User, ben: User) -> None:
    mine = make_preset(ana)
    make_preset(ana, "Gone", deleted_at=timezone.now())
    make_preset(None, "All")
    make_preset(ben, "Bens")
    presets.choose_default(mine, user=ana)

    accounts.erase(user=ana)

    assert sorted(preset.name for preset in Preset.objects.all()) == ["All", "Bens"]
    ana.refresh_from_db()
    assert ana.default_preset is None

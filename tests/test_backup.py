"""`manage.py backup` and `restore`: a running evoweb's data in one file, and back."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, connections

from chat.domain import attachments, files, replies, turns
from chat.management import archive
from chat.management.archive import BadArchive, Manifest
from chat.models import Attachment, Conversation, User
from chat.queries import inventory
from tests.conftest import evoweb_on
from tests.environment import on_postgresql
from tests.evoweb_process import EvowebProcess, send
from tests.factories import begin_turn, make_conversation, make_turn, make_user, uploaded
from tests.postgres import fresh_database
from tests.rows import rows
from tests.test_serve import reply_state
from tests.upstream.process import Upstream, UpstreamProcess
from tests.waiting import eventually

# What the database is called in a backup of this engine, and what another engine is called.
DATABASE = archive.DATABASES[connection.vendor]
OTHER = "sqlite" if on_postgresql else "postgresql"


def test_what_a_running_evoweb_has_comes_back_elsewhere_and_what_ran_is_interrupted(
    own_evoweb: EvowebProcess, upstream: Upstream, upstream_process: UpstreamProcess, tmp_path: Path
) -> None:
    file = tmp_path / "monday.evoweb"
    with own_evoweb.session() as browser:
        upstream.says("Good morning", prompt_tokens=1234, completion_tokens=2)
        whole = str(send(browser, "Hello").url)
        eventually(lambda: reply_state(browser.get(whole).text), lambda state: state == "complete")
        upstream.holds_after(1, "One", " two")
        running = str(send(browser, "Count").url)
        eventually(lambda: browser.get(running).text, lambda page: "One" in page)

        backup = own_evoweb.manage("backup", str(file))
        upstream.release()
    elsewhere = evoweb_on(tmp_path / "elsewhere", upstream_process)
    restore = elsewhere.manage("restore", str(file))
    with elsewhere, elsewhere.session() as browser:
        first, second = (
            browser.get(url.replace(own_evoweb.url, elsewhere.url)).text for url in (whole, running)
        )
        proof = elsewhere.manage("prove")

    assert (backup.returncode, backup.stderr) == (0, "")
    assert (restore.returncode, restore.stderr) == (0, "")
    assert "people: 1, conversations: 2, messages: 4, ledger rows: 2" in restore.stdout
    assert (reply_state(first), reply_state(second)) == ("complete", "interrupted")
    assert "Good morning" in first
    assert "1,234" in first
    assert "One" in second
    assert " two" not in second
    assert (proof.returncode, proof.stderr) == (0, "")


def test_after_a_restore_in_its_place_everybody_signs_in_and_finds_what_was_there_then(
    own_evoweb: EvowebProcess, upstream: Upstream, tmp_path: Path
) -> None:
    file = str(tmp_path / "monday.evoweb")
    with own_evoweb.session() as browser:
        before = send(browser, "Before").url
        own_evoweb.manage("backup", file)
        after = send(browser, "After").url
        own_evoweb.stop()
        restored = own_evoweb.manage("restore", file, "--replace", typed="replace\n")
        own_evoweb.start()
        signed_out = browser.get(before)
    del own_evoweb.cookies
    with own_evoweb.session() as browser:
        found = [browser.get(url).status_code for url in (before, after)]

    assert restored.returncode == 0, restored.stderr
    assert signed_out.headers["Location"].startswith("/accounts/login/")
    assert found == [200, 404]


def test_a_running_evoweb_is_not_restored_into(own_evoweb: EvowebProcess, tmp_path: Path) -> None:
    file = str(tmp_path / "monday.evoweb")
    own_evoweb.manage("backup", file)

    refused = own_evoweb.manage("restore", file, "--replace", "--no-input")

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.strip() == (
        "CommandError: evoweb is running on this database. Stop it first."
    )
    assert own_evoweb.health() == 200


# On the database of the tests

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def conversation() -> Conversation:
    conversation = make_conversation(make_user("ana"))
    make_turn(conversation)
    return conversation


@pytest.fixture
def file(conversation: Conversation, tmp_path: Path) -> Path:
    """A backup of Ana and one turn of hers."""
    file = tmp_path / "monday.evoweb"
    backup(file)
    return file


def backup(file: Path, *words: str) -> str:
    said = io.StringIO()
    call_command("backup", str(file), *words, stdout=said)
    return said.getvalue()


def restore(file: Path, *words: str) -> str:
    said = io.StringIO()
    call_command("restore", str(file), *words, stdout=said)
    return said.getvalue()


def in_copy(database: Path, sql: str) -> list[Any]:
    """The only column of these rows, in the database that was taken out of a backup."""
    at: Path | str = database
    if on_postgresql:
        at = fresh_database(on_postgresql)
        command = ["pg_restore", "--no-owner", "--dbname", at, str(database)]
        subprocess.run(command, check=True)
    return [value for (value,) in rows(at, sql)]


def test_it_is_nobody_elses_to_read_and_leaves_nothing_beside_it(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_it_has_what_it_says_and_no_key(file: Path, tmp_path: Path) -> None:
    database = tmp_path / "database"

    manifest = archive.read(file, database=database, files=tmp_path / "files")

    assert manifest.rows == {"people": 1, "conversations": 1, "messages": 2, "ledger rows": 1}
    assert (manifest.evoweb, manifest.engine) == (settings.VERSION, connection.vendor)
    assert "chat.0001_people_conversations_ledger" in manifest.migrations
    texts = in_copy(database, "SELECT text FROM chat_message ORDER BY id")
    assert texts == ["A question", "An answer"]
    assert settings.SECRET_KEY.encode() not in gzip.decompress(file.read_bytes())
    assert settings.EVOLINK_API_KEY.encode() not in gzip.decompress(file.read_bytes())


def test_a_file_that_is_there_is_kept_unless_it_is_forced(file: Path) -> None:
    first = file.read_bytes()
    make_user("ben")

    with pytest.raises(CommandError, match="is there already"):
        backup(file)
    kept = file.read_bytes()
    said = backup(file, "--force")

    assert kept == first
    assert "people: 2" in said
    assert file.read_bytes() != first
    assert list(file.parent.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_said(conversation: Conversation, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        backup(tmp_path / "nowhere" / "file")


def test_writers_go_on_and_the_copy_is_of_one_moment(
    conversation: Conversation, tmp_path: Path
) -> None:
    owner = conversation.owner
    # More than a few steps of the copy.
    for _ in range(8):
        make_turn(make_conversation(owner), reply="x" * 4_000_000)
    file = tmp_path / "busy.evoweb"

    with turns_being_made(owner) as made:
        eventually(lambda: made[0], lambda count: count > 3)
        before = made[0]
        backup(file)
        meanwhile = made[0] - before
    counted = archive.read(file, database=tmp_path / "copy", files=tmp_path / "files").rows
    copied = len(in_copy(tmp_path / "copy", "SELECT id FROM chat_conversation"))

    assert meanwhile > 3
    # The moment of the figures is the copy's. One that began again would be of a later one.
    assert copied == counted["conversations"]
    assert counted["messages"] == 2 * counted["conversations"] == 2 * counted["ledger rows"]
    assert before + 9 <= counted["conversations"] < before + 9 + meanwhile


@contextmanager
def turns_being_made(owner: User) -> Iterator[list[int]]:
    """By somebody else, one after the other; gives how many there are so far."""
    made, enough = [0], threading.Event()

    def make() -> None:
        try:
            while not enough.is_set():
                replies.abandon(begin_turn(Conversation(owner=owner, model="m")).reply.pk, None)
                made[0] += 1
        finally:
            connections.close_all()

    thread = threading.Thread(target=make)
    thread.start()
    try:
        yield made
    finally:
        enough.set()
        thread.join()


def test_a_database_that_holds_something_is_not_restored_into(file: Path) -> None:
    make_user("ben")

    with pytest.raises(CommandError, match="has 2 people and 1 conversations"):
        restore(file)

    assert User.objects.count() == 2


@pytest.mark.parametrize("typed", ["", "yes\n", "REPLACE\n"])
def test_without_the_word_nothing_is_replaced(
    file: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    make_user("ben")
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))

    with pytest.raises(CommandError, match="Nothing was changed"):
        restore(file, "--replace")

    assert User.objects.count() == 2


@pytest.mark.parametrize(
    ("words", "typed"), [(("--replace",), "replace\n"), (("--replace", "--no-input"), "")]
)
def test_with_it_what_came_later_is_gone(
    file: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], typed: str
) -> None:
    make_user("ben")
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))

    restore(file, *words)

    assert [user.email for user in User.objects.all()] == ["ana@example.org"]


# Files that are no backups

Spoil = Callable[[bytes], bytes]


def repacked(change: Callable[[dict[str, bytes]], object]) -> Spoil:
    """The same backup with other members."""

    def spoil(content: bytes) -> bytes:
        with tarfile.open(fileobj=io.BytesIO(content)) as whole:
            members = {m.name: whole.extractfile(m).read() for m in whole}  # type: ignore[union-attr]
        change(members)
        return packed(*((tarfile.TarInfo(name), text) for name, text in members.items()))

    return spoil


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as whole:
        for info, text in members:
            info.size = len(text)
            whole.addfile(info, io.BytesIO(text))
    return out.getvalue()


def renamed(name: str) -> Spoil:
    return repacked(lambda members: members.update({name: members.pop(DATABASE)}))


def with_manifest(**fields: object) -> Spoil:
    def change(members: dict[str, bytes]) -> None:
        manifest = {**json.loads(members["manifest.json"]), **fields}
        members["manifest.json"] = json.dumps(manifest).encode()

    return repacked(change)


def linked(content: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as whole:
        manifest = whole.extractfile("manifest.json").read()  # type: ignore[union-attr]
    link = tarfile.TarInfo(DATABASE)
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return packed((tarfile.TarInfo("manifest.json"), manifest), (link, b""))


def flipped(position: float) -> Spoil:
    def spoil(content: bytes) -> bytes:
        at = int(len(content) * position)
        return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]

    return spoil


def with_a_file(name: str, content: bytes) -> Spoil:
    """One that the manifest counts."""

    def change(members: dict[str, bytes]) -> None:
        manifest = {**json.loads(members["manifest.json"]), "files": 1}
        members["manifest.json"] = json.dumps(manifest).encode()
        members[f"files/{name}"] = content

    return repacked(change)


EMPTY = hashlib.sha256(b"").hexdigest()
SPOILS: dict[str, Spoil] = {
    "empty": lambda _content: b"",
    "a text": lambda _content: b"Dear Ana,\n" * 100,
    "a compressed text": lambda _content: gzip.compress(b"Dear Ana,\n" * 100),
    **{
        f"cut at {at}": lambda content, at=at: content[: int(len(content) * at)]  # type: ignore[misc]
        for at in (0.01, 0.1, 0.5, 0.9, 0.999)
    },
    **{f"flipped at {at}": flipped(at) for at in (0.1, 0.3, 0.5, 0.7, 0.9, 0.9999)},
    "no database": repacked(lambda members: members.pop(DATABASE)),
    "no manifest": repacked(lambda members: members.pop("manifest.json")),
    "something more": repacked(lambda members: members.update(more=b"")),
    "a file that is not counted": repacked(lambda members: members.update({f"files/{EMPTY}": b""})),
    "fewer files than are counted": with_manifest(files=1),
    "a file that is another": with_a_file(EMPTY, b"something"),
    "a file with a name above": repacked(lambda members: members.update({"files/../x": b""})),
    "another database": repacked(lambda members: members.update({DATABASE: b"x" * 100})),
    "a name above": renamed(f"../{DATABASE}"),
    "a name from the root": renamed(f"/tmp/{DATABASE}"),
    "a link": linked,
    "a manifest that is no object": repacked(
        lambda members: members.update({"manifest.json": b"[]"})
    ),
    "a manifest of another format": with_manifest(format=3),
    "a manifest with something more": with_manifest(more=1),
    "a manifest with a wrong kind": with_manifest(rows=[]),
    "an unknown engine": with_manifest(engine="oracle"),
    "a wrong size": with_manifest(size=1),
    "a wrong checksum": with_manifest(sha256="0" * 64),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS.keys())
def test_a_file_that_is_no_whole_backup_changes_nothing(file: Path, spoil: Spoil) -> None:
    file.write_bytes(spoil(file.read_bytes()))
    make_user("ben")

    with pytest.raises(CommandError, match="is no whole backup"):
        restore(file, "--replace", "--no-input")

    assert User.objects.count() == 2
    assert list(file.parent.iterdir()) == [file]
    assert list(settings.DATA_DIR.glob("restore-*")) == []


def test_the_same_backup_repacked_is_one(file: Path) -> None:
    file.write_bytes(repacked(lambda _members: None)(file.read_bytes()))

    assert "people: 1" in restore(file, "--replace", "--no-input")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"engine": OTHER}, f"backup of a {OTHER} database"),
        ({"migrations": ("chat.0001_x", "chat.9999_later")}, "a newer evoweb .*chat.0001_x"),
    ],
)
def test_a_backup_that_does_not_fit_changes_nothing(
    file: Path, tmp_path: Path, fields: dict[str, object], words: str
) -> None:
    database, other = tmp_path / "database", tmp_path / "other.evoweb"
    manifest: Manifest = archive.read(file, database=database, files=tmp_path / "files")
    archive.write(other, replace(manifest, **fields), database)  # type: ignore[arg-type]
    make_user("ben")

    with pytest.raises(CommandError, match=words):
        restore(other, "--replace", "--no-input")

    assert User.objects.count() == 2


# Pictures


@pytest.fixture
def sent(conversation: Conversation) -> Attachment:
    """A picture of Ana's that is sent, beside another that is not."""
    uploaded(conversation.owner, colour="red")
    turn = turns.begin(
        conversation=conversation,
        author=conversation.owner,
        text="What is it?",
        send_key=uuid.uuid4(),
        pictures=[uploaded(conversation.owner, conversation).pk],
    )
    return turn.prompt.attachments.get()


def test_pictures_come_back_and_none_that_a_row_names_is_left_out(
    sent: Attachment, tmp_path: Path
) -> None:
    file, content = tmp_path / "monday.evoweb", files.read(sent.sha256)
    forgotten = files.write(b"nobody names this")

    said = backup(file)
    shutil.rmtree(files.store().location)
    restored = restore(file, "--replace", "--no-input")

    assert "files: 4" in said
    assert "files: 4" in restored
    assert files.read(sent.sha256) == content
    names = inventory.files()
    assert len(names) == 4
    assert all(files.path_of(name).is_file() for name in names)
    assert not files.path_of(forgotten).exists()
    assert sorted(files.path_of(names[0]).parent.glob(".*")) == []


def test_a_backup_of_before_there_were_files_is_one(file: Path) -> None:
    def to_the_first_format(members: dict[str, bytes]) -> None:
        manifest = json.loads(members["manifest.json"])
        del manifest["files"]
        members["manifest.json"] = json.dumps(manifest | {"format": 1}).encode()

    file.write_bytes(repacked(to_the_first_format)(file.read_bytes()))

    assert "people: 1" in restore(file, "--replace", "--no-input")


def test_a_picture_that_is_lost_is_told_and_the_rest_is_backed_up(
    sent: Attachment, tmp_path: Path
) -> None:
    files.path_of(sent.sha256).unlink()
    told = io.StringIO()

    call_command("backup", str(tmp_path / "file"), stdout=io.StringIO(), stderr=told)

    assert "1 files of pictures are not in EVOWEB_FILES_DIR." in told.getvalue()


def test_nothing_is_removed_while_a_backup_is_made(
    sent: Attachment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what was uploaded before it, nor what a purge in the midst of it finds unnamed."""
    write = archive.write

    def purged_meanwhile(*arguments: Any) -> None:
        Attachment.objects.all().delete()
        attachments.purge()
        write(*arguments)

    monkeypatch.setattr(archive, "write", purged_meanwhile)
    said = backup(tmp_path / "file")
    attachments.purge()

    assert "files: 4" in said
    assert not files.path_of(sent.sha256).exists()


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="is not there"):
        archive.read(tmp_path / "nothing", database=tmp_path / "database", files=tmp_path / "files")


def test_evoweb_keeps_no_files_that_a_backup_would_leave_out() -> None:
    assert settings.MEDIA_ROOT == ""

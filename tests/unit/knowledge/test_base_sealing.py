"""A base on an encrypted disk. What breaks without this: what was taught is found by no question, or by a thief."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from llmagent_os.admin import profile_command
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.identity import Identity
from llmagent_os.knowledge.passage_base import PassageBase
from llmagent_os.knowledge.passages import Document, Section
from llmagent_os.knowledge.scopes import Scope, ScopedBases
from llmagent_os.knowledge.search import Search
from llmagent_os.sealing.key_ring import KeyRing
from llmagent_os.sealing.master_keys import new_master_key
from llmagent_os.sealing.mounts import mount, unmount

ANA = Identity("web::ana")
SCOPE = Scope.of_person(ANA)
WORDS = ("zeppelin", "hangar", "Handbook", "chapter", "airship", "manual.pdf", "web::ana")


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[KeyRing]:
    yield mount(tmp_path, [new_master_key()])
    unmount(tmp_path)


def teach(bases: ScopedBases, key: str = "d", place: str = "chapter 1") -> None:
    document = Document(document_id=key, title="Handbook", source="manual.pdf", added_by=ANA)
    bases.learn(SCOPE, document, [Section("The zeppelin is in the hangar.", place, "airship", key="z1")])


def readable(folder: Path) -> set[str]:
    raw = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()).lower()
    return {word for word in WORDS if word.lower().encode() in raw}


def found(base: PassageBase, question: str) -> list[tuple[str, str, float]]:
    hits = Search().find([base], question)
    return [(hit.passage.text, hit.passage.source, hit.score) for hit in hits]


def test_an_encrypted_base_finds_the_same_as_one_that_is_not(tmp_path: Path, ring: KeyRing) -> None:
    elsewhere = tmp_path.parent / f"{tmp_path.name}-plain"
    plain = ScopedBases(elsewhere)
    sealed = ScopedBases(tmp_path / "knowledge")
    for bases in (plain, sealed):
        teach(bases)
        teach(bases, "e", "chapter 2")
    base = sealed.base(SCOPE)
    for question in ("where is the airship?", "zeppelin", "what is for lunch?"):
        assert found(base, question) == found(plain.base(SCOPE), question)
    assert base.documents() == plain.base(SCOPE).documents()
    assert sealed.export([ANA]) == plain.export([ANA])
    assert readable(elsewhere) == set(WORDS)
    assert readable(tmp_path) == set()
    assert base.remove("d") and base.remove_keyed("z1")
    assert (len(base), found(base, "zeppelin")) == (0, [])
    for bases in (plain, sealed):
        bases.close()


def test_what_was_taught_before_there_was_a_key_is_encrypted_then(tmp_path: Path) -> None:
    bases = ScopedBases(tmp_path / "knowledge")
    teach(bases)
    before = found(bases.base(SCOPE), "where is the airship?")
    bases.close()
    assert readable(tmp_path) == set(WORDS)
    mount(tmp_path, [new_master_key()])
    bases.seal()
    assert readable(tmp_path) == set()
    assert found(bases.base(SCOPE), "where is the airship?") == before != []
    assert bases.base(SCOPE).remove_keyed("z1")
    bases.close()
    unmount(tmp_path)
    with pytest.raises(ConfigError, match="is encrypted: set LLMAGENT_OS_ENCRYPTION_KEY"):
        bases.base(SCOPE).documents()


def test_a_base_whose_key_was_destroyed_is_erased_all_the_same(tmp_path: Path, ring: KeyRing) -> None:
    """A crash between the steps of an erasure, or a backup that is put back."""
    bases = ScopedBases(tmp_path / "knowledge")
    teach(bases)
    bases.close()
    assert ring.destroy(ANA)
    with pytest.raises(ConfigError, match="cannot be decrypted: the key of the value was destroyed"):
        bases.base(SCOPE).documents()
    bases.forget([ANA])
    assert not list((tmp_path / "knowledge" / "people").glob("*"))


def test_a_workspace_forgets_who_taught_it(tmp_path: Path, ring: KeyRing) -> None:
    bases = ScopedBases(tmp_path / "knowledge")
    room = Scope("workspace", "slack:T1")
    bases.learn(room, Document(document_id="d", title="Note", added_by=ANA), [Section("Tea is at four.")])
    assert [each["shared"] for each in bases.export([ANA])] == [True]
    bases.forget([ANA])
    assert bases.export([ANA]) == []
    assert [(each.title, each.added_by) for each in bases.base(room).documents()] == [("Note", "")]
    bases.close()


async def test_one_damaged_base_stops_nobody(tmp_path: Path) -> None:
    """Else one bad file silences the bot for a workspace, and nobody can be exported or erased."""
    bases = ScopedBases(tmp_path / "knowledge")
    teach(bases)
    (tmp_path / "knowledge" / "workspaces").mkdir()
    room = Scope("workspace", "slack:T1")
    damaged = bases.base(room).path
    assert damaged is not None
    damaged.write_bytes(b"no database " * 500)
    hits = Search().find(bases.there([room, SCOPE]), "where is the airship?")
    assert [hit.passage.text for hit in hits] == ["The zeppelin is in the hangar."]
    assert [each["title"] for each in bases.export([ANA])] == ["Handbook"]
    with pytest.raises(ConfigError, match=damaged.name):
        bases.forget([ANA])
    assert not list((tmp_path / "knowledge" / "people").glob("*")), "her own are erased all the same"
    own = bases.base(SCOPE).path
    assert own is not None
    own.write_bytes(b"no database " * 500)
    assert ["problem" in each for each in bases.export([ANA])] == [True]
    bases.close()
    settings = Settings.load(env_file=None, data=tmp_path)
    with capture_logs() as logs, pytest.raises(ConfigError, match=rf"profiles: 0 files.*NOT erased.*{damaged.name}"):
        await profile_command.forget(settings, ANA)
    assert own.name in next(each["path"] for each in logs if "erased as a whole" in each["event"])
    assert not own.exists()
    damaged.unlink()
    assert "knowledge: 0 documents" in await profile_command.forget(settings, ANA)


NOTE = "note:0123456789abcdef"


def test_the_id_of_a_document_does_not_tell_its_words(tmp_path: Path) -> None:
    """A hash of a note can be guessed: whoever has a copy of the file tries the notes that people write."""
    bases = ScopedBases(tmp_path / "knowledge")
    base = bases.base(SCOPE)
    teach(bases, hidden := base.id_of(NOTE))
    assert bases.base(Scope.of_person(Identity("web::ben"))).id_of(NOTE) != hidden != NOTE
    bases.close()
    mount(tmp_path, [new_master_key()])
    bases.seal()
    assert base.id_of(NOTE) == hidden, "what is taught again after the disk was encrypted replaces what was taught"
    assert [each.place for each in base.passages(hidden)] == ["chapter 1"]
    bases.close()
    unmount(tmp_path)


@pytest.mark.parametrize("is_sealed", [False, True])
def test_ids_that_older_versions_made_are_replaced(tmp_path: Path, is_sealed: bool) -> None:
    bases = ScopedBases(tmp_path / "knowledge")
    teach(bases, NOTE)
    bases.close()
    if is_sealed:
        mount(tmp_path, [new_master_key()])
    base = bases.base(SCOPE)
    assert [each.document_id for each in base.documents()] == [base.id_of(NOTE)]
    assert [each.place for each in base.passages(base.id_of(NOTE))] == ["chapter 1"]
    bases.close()
    assert not any(b"0123456789abcdef" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    unmount(tmp_path)


def test_words_that_another_process_keeps_in_the_file_are_removed_by_the_next_start(tmp_path: Path) -> None:
    """Else what was taught stays readable for ever on a disk that was encrypted."""
    bases = ScopedBases(tmp_path / "knowledge")
    teach(bases)
    bases.close()
    path = bases.base(SCOPE).path
    assert path is not None
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM passages").fetchone()
    mount(tmp_path, [new_master_key()])
    with capture_logs() as logs:
        bases.seal()
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert readable(tmp_path) != set()
    reader.close()
    bases.seal()
    assert readable(tmp_path) == set()
    unmount(tmp_path)

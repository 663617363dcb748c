"""What breaks without this: a backup that cannot be restored, or one that does harm when it is."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.identity import PersonId, file_name_of
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.connection import host_lock, open_database
from llmagent_os.people.profiles import Profiles
from llmagent_os.storage.archive_file import ArchiveError, Manifest
from llmagent_os.storage.backup import write_backup
from llmagent_os.storage.open_ends import open_end
from llmagent_os.storage.progress import Silent
from llmagent_os.storage.restore import restore
from llmagent_os.storage.swapped_files import WAITING_FOLDER, settle_files
from tests.unit.ledger.samples import message
from tests.unit.storage.rows import fill, rows_of
from tests.unit.storage.test_migration_steps import make_at

AT = datetime(2026, 12, 1, 12, 30, tzinfo=UTC)
ANA = PersonId("slack:T1:U1")


def open_filled(url: str, folder: Path) -> None:
    folder.mkdir()
    open_database(url).close()
    fill(url, folder)


async def installation(folder: Path) -> str:
    """A data folder with something of everything; returns the ledger's URL."""
    url = f"sqlite:///{folder}/ledger.db"
    await asyncio.to_thread(open_filled, url, folder)
    await Profiles(folder / "profiles").update(ANA, name="Ana", verbosity="brief")
    for name in ("secrets/slack%3AT1%3AU1/caldav", "knowledge/base.json", "loras/v1/weights", "telegram/files/1/photo"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 100)
    return url


def backed_up(url: str, data: Path, to: Path, **options: bool) -> Path:
    return write_backup(url, data, to, AT, Silent(), **options).path


def files_of(data: Path) -> dict[str, bytes]:
    """All files but the ledger's own."""
    files = (each for each in data.rglob("*") if each.is_file())
    found = {str(each.relative_to(data)): each.read_bytes() for each in files}
    return {name: content for name, content in found.items() if not name.startswith((".waiting", "ledger.db"))}


async def test_a_backup_brings_back_everything(tmp_path: Path) -> None:
    """After the loss of a disk."""
    url = await installation(tmp_path / "a")
    path = backed_up(url, tmp_path / "a", tmp_path, with_files=True)
    assert path.name == "2026-12-01T123000Z.llmagent-os-backup"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    left = await asyncio.to_thread(lambda: {each.name for each in tmp_path.iterdir()})
    assert left == {path.name, "a"}, "no half file, and nothing of the work"
    restore(path, f"sqlite:///{tmp_path}/b/ledger.db", tmp_path / "b", Silent())
    before, after = rows_of(tmp_path / "a" / "ledger.db"), rows_of(tmp_path / "b" / "ledger.db")
    assert {row[0] for row in after.pop("keys")} - {row[0] for row in before.pop("keys")} <= {b"pseudonyms"}
    assert after == before
    without_locks = {name: content for name, content in files_of(tmp_path / "a").items() if not name.endswith(".lock")}
    assert files_of(tmp_path / "b") == without_locks
    assert not (tmp_path / "b" / WAITING_FOLDER).exists()
    assert (await Profiles(tmp_path / "b" / "profiles").get(ANA)).name == "Ana"


async def test_large_files_are_there_on_demand(tmp_path: Path) -> None:
    """A nightly backup need not hold every LoRA."""
    url = await installation(tmp_path / "a")
    restore(backed_up(url, tmp_path / "a", tmp_path), f"sqlite:///{tmp_path}/b/l.db", tmp_path / "b", Silent())
    found = files_of(tmp_path / "b")
    assert "knowledge/base.json" in found
    assert not any(name.startswith(("loras", "telegram")) for name in found)


async def test_a_backup_of_one_database_is_restored_into_the_other(tmp_path: Path, postgresql_url: str) -> None:
    """And back again: an archive outlives the decision for a database."""
    url = await installation(tmp_path / "a")
    first = backed_up(url, tmp_path / "a", tmp_path / "first")
    restore(first, postgresql_url, tmp_path / "b", Silent())
    assert not (tmp_path / "b" / "profiles").exists(), "they are rows now"
    assert (tmp_path / "b" / "knowledge" / "base.json").exists()
    with open_end(postgresql_url, tmp_path / "b") as end:
        assert (end.count("profiles"), end.count("secrets"), end.count("rewards")) == (1, 1, 30)
    second = backed_up(postgresql_url, tmp_path / "b", tmp_path / "second")
    restore(second, f"sqlite:///{tmp_path}/c/ledger.db", tmp_path / "c", Silent())
    before, after = rows_of(tmp_path / "a" / "ledger.db"), rows_of(tmp_path / "c" / "ledger.db")
    for table in set(before) - {"keys", "sqlite_sequence"}:
        assert after[table] == before[table], table
    assert (await Profiles(tmp_path / "c" / "profiles").get(ANA)).preferences == {"verbosity": "brief"}
    secret = f"secrets/{file_name_of(ANA)}/caldav"
    assert (tmp_path / "c" / secret).read_bytes() == (tmp_path / "a" / secret).read_bytes()


async def test_nobody_comes_back_who_was_forgotten_after_a_move(tmp_path: Path, postgresql_url: str) -> None:
    """Files from before the move lie in the data folder still."""
    url = await installation(tmp_path / "a")
    restore(backed_up(url, tmp_path / "a", tmp_path / "first"), postgresql_url, tmp_path / "b", Silent())
    stale = tmp_path / "b" / "profiles" / "old.json"
    await asyncio.to_thread(stale.parent.mkdir)
    await asyncio.to_thread(stale.write_text, "{}")
    second = backed_up(postgresql_url, tmp_path / "b", tmp_path / "second")
    await Profiles(tmp_path / "c" / "profiles").update(PersonId("web:local:x"), name="Other")
    with pytest.raises(LedgerError, match="is not empty"):
        restore(second, f"sqlite:///{tmp_path}/c/ledger.db", tmp_path / "c", Silent())
    restore(second, f"sqlite:///{tmp_path}/c/ledger.db", tmp_path / "c", Silent(), replace=True)
    found = {name for name in files_of(tmp_path / "c") if name.startswith("profiles")}
    assert found == {f"profiles/{file_name_of(ANA)}.json"}


async def test_a_backup_is_made_while_a_host_writes(tmp_path: Path, database_url: str) -> None:
    """Nobody stops a bot every night."""
    ledger = await Ledger.open(database_url)
    await ledger.claim()
    for number in range(20):
        await ledger.accept(message(str(number)), max_pending=99)
    path = backed_up(database_url, tmp_path, tmp_path / "one")
    await ledger.accept(message("later"), max_pending=99)
    with pytest.raises(LedgerError, match="already runs on"):
        restore(path, database_url, tmp_path, Silent(), replace=True)
    await ledger.close()
    restore(path, database_url, tmp_path, Silent(), replace=True)
    ledger = await Ledger.open(database_url)
    found = await ledger.claim(["web"])
    await ledger.close()
    assert len(found) == 20


async def test_a_backup_of_every_released_version_is_restored(tmp_path: Path, database_url: str) -> None:
    """A backup is often older than the program."""
    make_at(tmp_path / "old.db", "0012")
    path = backed_up(f"sqlite:///{tmp_path}/old.db", tmp_path / "none", tmp_path / "old.backup")
    report = restore(path, database_url, tmp_path / "b", Silent())
    assert report.manifest.revision == "0012"
    with open_end(database_url, tmp_path / "b") as end:
        assert end.count("lora_versions") == 6


async def test_nothing_is_restored_over_something(tmp_path: Path, database_url: str) -> None:
    """The wrong folder would cost another installation."""
    url = await installation(tmp_path / "a")
    path = backed_up(url, tmp_path / "a", tmp_path / "b.backup")
    before = rows_of(tmp_path / "a" / "ledger.db"), files_of(tmp_path / "a")
    with pytest.raises(LedgerError, match="is not empty: there are rows in"):
        restore(path, url, tmp_path / "a", Silent())
    assert (rows_of(tmp_path / "a" / "ledger.db"), files_of(tmp_path / "a")) == before
    with pytest.raises(ConfigError, match="is there already"):
        backed_up(url, tmp_path / "a", path)
    open_database(database_url).close()
    (tmp_path / "knowledge").mkdir()
    with pytest.raises(LedgerError, match="is not empty: there are"):
        restore(path, database_url, tmp_path, Silent())
    restore(path, database_url, tmp_path, Silent(), replace=True)


async def test_a_changed_byte_is_found_wherever_it_is(tmp_path: Path) -> None:
    """A disk that rots, or a transfer that was cut, must not become an installation."""
    url = await installation(tmp_path / "a")
    path = backed_up(url, tmp_path / "a", tmp_path / "whole.backup")
    whole, bad = path.read_bytes(), tmp_path / "bad.backup"
    target = f"sqlite:///{tmp_path}/b/ledger.db"
    dice = random.Random(1)
    places = [0, 1, 257, 512, 600, len(whole) - 1, len(whole) - 40, len(whole) - 90]
    for place in (*places, *(dice.randrange(len(whole)) for _ in range(60))):
        bad.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << dice.randrange(8))]) + whole[place + 1 :])
        with pytest.raises(ArchiveError):
            restore(bad, target, tmp_path / "b", Silent())
    for size in (0, 1, 100, 5000, len(whole) // 2, len(whole) - 1):
        bad.write_bytes(whole[:size])
        with pytest.raises(ArchiveError):
            restore(bad, target, tmp_path / "b", Silent())
    for _ in range(20):
        bad.write_bytes(dice.randbytes(dice.randrange(20_000)))
        with pytest.raises(ArchiveError):
            restore(bad, target, tmp_path / "b", Silent())
    assert not (tmp_path / "b").exists()


def rewritten(
    path: Path, change: Callable[[dict[str, bytes], dict[str, Any]], None], links: tuple[str, ...] = ()
) -> Path:
    """An archive that somebody has made by hand: all its hashes are right."""
    with tarfile.open(path) as tar:
        files = {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]
    manifest: dict[str, Any] = msgspec.json.decode(files.pop("manifest.json"))
    change(files, manifest)
    if manifest.get("members") is not None:
        manifest["members"] = [
            {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        ]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in {"manifest.json": msgspec.json.encode(manifest), **files}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if name in links:
                info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0
            tar.addfile(info, io.BytesIO(content))
    raw = out.getvalue()
    bad = path.with_name("hostile.backup")
    bad.write_bytes(raw + b"\nllmagent-os backup sha256 " + hashlib.sha256(raw).hexdigest().encode() + b"\n")
    return bad


def with_file(name: str) -> Callable[[dict[str, bytes], dict[str, Any]], None]:
    return lambda files, manifest: files.update({name: b"x"})


def with_field(name: str, value: Any) -> Callable[[dict[str, bytes], dict[str, Any]], None]:
    return lambda files, manifest: manifest.update({name: value})


def with_sql(statement: str) -> Callable[[dict[str, bytes], dict[str, Any]], None]:
    def change(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        import gzip

        with closing(sqlite3.connect(":memory:")) as database:
            database.deserialize(gzip.decompress(files["ledger.db.gz"]))
            database.executescript(statement)
            raw = database.serialize()
        files["ledger.db.gz"] = gzip.compress(raw)
        manifest["ledger_size"], manifest["ledger_sha256"] = len(raw), hashlib.sha256(raw).hexdigest()

    return change


OTHER_TRIGGER = """
DROP TRIGGER audit_keeps_rows; CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit BEGIN SELECT 1; END
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_file("data/../../etc/x"), "would lie outside"),
        (with_file("/etc/x"), "would lie outside"),
        (with_file("data//x"), "would lie outside"),
        (with_file("data/profiles/./x"), "would lie outside"),
        (with_file("data/.env"), "it has a file '.env'"),
        (with_file("data/ledger.db"), "it has a file 'ledger.db'"),
        (with_field("revision", "9999"), "knows revisions up to"),
        (with_field("format", 2), "later version"),
        (with_field("ledger_size", 10), "is not what its manifest says"),
        (with_field("ledger_size", 10**15), "needs"),
        (with_field("ledger_sha256", "0" * 64), "is not what its manifest says"),
        (with_field("rows", {}), "is not what its manifest says"),
        (with_field("rows", "many"), "its manifest cannot be read"),
        (with_field("surprise", 1), "its manifest cannot be read"),
        (with_sql("CREATE TRIGGER t AFTER INSERT ON inbox BEGIN DELETE FROM keys; END"), "its ledger has 't'"),
        (with_sql("CREATE VIEW v AS SELECT 1"), "its ledger has 'v'"),
        (with_sql(OTHER_TRIGGER), "its ledger has"),
        (with_sql("DROP TABLE alembic_version"), "cannot be read"),
    ],
)
async def test_an_archive_made_to_do_harm_is_refused(tmp_path: Path, change: Any, said: str) -> None:
    """Whoever restores a file that somebody sent must not give them the machine."""
    url = await installation(tmp_path / "a")
    bad = rewritten(backed_up(url, tmp_path / "a", tmp_path / "good.backup"), change)
    with pytest.raises(LedgerError, match=said):
        restore(bad, f"sqlite:///{tmp_path}/b/ledger.db", tmp_path / "b", Silent())
    assert files_of(tmp_path / "b") == {}
    assert not (tmp_path / "b" / "ledger.db").exists()


async def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    """It would have a file elsewhere read or written."""
    url = await installation(tmp_path / "a")
    good = backed_up(url, tmp_path / "a", tmp_path / "good.backup")
    bad = rewritten(good, with_file("data/profiles/x.json"), links=("data/profiles/x.json",))
    with pytest.raises(ArchiveError, match="is no plain file"):
        restore(bad, f"sqlite:///{tmp_path}/b/ledger.db", tmp_path / "b", Silent())


_KILLED = """
import os, signal, sys
from pathlib import Path
from llmagent_os.storage.progress import Silent
from llmagent_os.storage.restore import restore
left = int(sys.argv[4])
def note(event, arguments):
    global left
    if event in ("os.rename", "os.link", "os.remove", "os.mkdir", "sqlite3.connect") and sys.argv[3] in str(arguments):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(note)
restore(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Silent(), replace=True)
"""


async def test_a_restore_that_is_killed_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """Never the ledger of the one with the profiles of the other."""
    url = await installation(tmp_path / "a")
    path = backed_up(url, tmp_path / "a", tmp_path / "b.backup")
    other = tmp_path / "other"
    other_url = await installation(other)
    await Profiles(other / "profiles").update(ANA, name="Other")
    with closing(sqlite3.connect(other / "ledger.db")) as database, database:
        database.execute("DELETE FROM rewards")
    outcomes: set[tuple[str | None, int]] = set()
    for moment in range(1, 60, 4):
        data = tmp_path / f"data{moment}"
        shutil.copytree(other, data)
        target = other_url.replace(str(other), str(data))
        arguments = [sys.executable, "-c", _KILLED, str(path), target, str(data), str(moment)]
        run = partial(subprocess.run, arguments, check=False, env=os.environ, capture_output=True)
        done = await asyncio.to_thread(run)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        settle_files(data)
        assert not (data / WAITING_FOLDER).exists()
        name = (await Profiles(data / "profiles").get(ANA)).name
        with open_end(target, data) as end:
            outcomes.add((name, end.count("rewards")))
        shutil.rmtree(data)
    assert outcomes <= {("Other", 0), ("Ana", 30)}
    assert len(outcomes) == 2, "some were killed before, some after the change"


def test_no_room_is_said_before_anything_is_changed(tmp_path: Path) -> None:
    """A disk that is filled to its brim stops everything else on the machine."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    open_database(url).close()
    path = backed_up(url, tmp_path, tmp_path / "x.backup")
    bad = rewritten(path, with_field("ledger_size", 2**60))
    with pytest.raises(LedgerError, match=r"MiB are free"):
        restore(bad, f"sqlite:///{tmp_path}/b/ledger.db", tmp_path / "b", Silent())


def test_a_damaged_ledger_is_not_backed_up_as_if_it_were_whole(tmp_path: Path) -> None:
    """One notices when the last good backup is gone."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    open_database(url).close()
    fill(url, tmp_path, 200)
    raw = bytearray((tmp_path / "ledger.db").read_bytes())
    raw[40_000:60_000] = b"\xff" * 20_000
    (tmp_path / "ledger.db").write_bytes(raw)
    with pytest.raises(LedgerError, match=r"damaged|malformed"):
        backed_up(url, tmp_path, tmp_path / "x.backup")
    assert not (tmp_path / "x.backup").exists()


def test_a_manifest_says_what_is_in_it(tmp_path: Path) -> None:
    """Also to whoever opens it with other programs."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    open_database(url).close()
    path = backed_up(url, tmp_path, tmp_path / "x.backup")
    with tarfile.open(path) as tar:
        content = tar.extractfile("manifest.json")
        assert content is not None
        manifest = msgspec.json.decode(content.read(), type=Manifest)
    assert (manifest.backend, manifest.made_at, manifest.encrypted) == ("SQLite", "2026-12-01T12:30:00+00:00", False)
    lock = host_lock(url)
    assert lock is not None
    assert not lock.is_held()

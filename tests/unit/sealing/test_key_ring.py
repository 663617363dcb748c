"""The keys of accounts. What breaks without this: what people said is read by others, or can never be read again."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from llmagent_os.errors import ConfigError
from llmagent_os.sealing.key_ring import MARK, NO_PERSON, KeyRing, SealedError, is_sealed
from llmagent_os.sealing.master_keys import (
    MasterKey,
    new_master_key,
    parse_master_keys,
    read_key_file,
    write_key_file,
)

ANA, BEN = "slack:T1:ana", "slack:T1:ben"


@pytest.fixture
def master() -> MasterKey:
    return new_master_key()


@pytest.fixture
def ring(tmp_path: Path, master: MasterKey) -> KeyRing:
    return KeyRing(tmp_path / "keys", [master])


@pytest.mark.parametrize("text", ["", "hello", "\x02S1 is how a sealed value begins", "日本 \ud800 🎉", "x" * 100_000])
def test_what_was_sealed_is_opened(ring: KeyRing, text: str) -> None:
    sealed = ring.seal_text(ANA, text)
    assert is_sealed(sealed.encode())
    assert ring.open_text(sealed.encode()) == text.encode(errors="surrogatepass")
    assert ring.seal_text(ANA, text) != sealed, "the same words do not look the same"


def test_nothing_says_what_was_said_or_by_whom(ring: KeyRing, tmp_path: Path) -> None:
    sealed = ring.seal(ANA, b"the zeppelin")
    kept = b"".join(f"{file.name}".encode() + file.read_bytes() for file in (tmp_path / "keys").iterdir())
    assert b"zeppelin" not in sealed and b"ana" not in sealed and b"ana" not in kept


def test_a_changed_value_is_not_opened(ring: KeyRing) -> None:
    sealed = ring.seal(ANA, b"pay 10")
    for at in range(len(MARK), len(sealed)):
        with pytest.raises(SealedError):
            ring.open(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])
    for wrong in (b"", MARK, sealed[:-1], b"as it is", MARK + b"?" * 60):
        with pytest.raises(SealedError):
            ring.open(wrong)
    with pytest.raises(SealedError):
        ring.open_text(MARK + b"no base64 \xff")


def test_a_destroyed_key_opens_nothing_and_others_still_do(ring: KeyRing, tmp_path: Path, master: MasterKey) -> None:
    hers, his = ring.seal(ANA, b"zeppelin"), ring.seal(BEN, b"lunch")
    file = next(file for file in (tmp_path / "keys").glob(f"{hers[3:19].hex()}.key"))
    assert (ring.destroy(ANA), ring.destroy(ANA), file.exists()) == (True, False, False)
    for each in (ring, KeyRing(tmp_path / "keys", [master])):
        with pytest.raises(SealedError, match="destroyed"):
            each.open(hers)
        assert each.open(his) == b"lunch"
    again = ring.seal(ANA, b"a new beginning")
    assert ring.open(again) == b"a new beginning"
    with pytest.raises(SealedError):
        ring.open(hers)


def test_a_key_that_another_process_destroyed_seals_nothing_more(
    ring: KeyRing, tmp_path: Path, master: MasterKey
) -> None:
    """The command line erases beside a running host: what the person says next must be readable."""
    ring.seal(ANA, b"before")
    other = KeyRing(tmp_path / "keys", [master])
    other.destroy(ANA)
    assert other.open(ring.seal(ANA, b"after")) == b"after"


def test_a_key_that_another_process_destroyed_and_made_anew_is_used(
    ring: KeyRing, tmp_path: Path, master: MasterKey
) -> None:
    """Else a host that goes on with the key of before writes what nobody can read after its next start."""
    ring.seal(ANA, b"before")
    other = KeyRing(tmp_path / "keys", [master])
    other.open(ring.seal(ANA, b"both have it in memory"))
    other.destroy(ANA)
    of_other = other.seal(ANA, b"hers again")
    assert ring.open(of_other) == b"hers again"
    assert KeyRing(tmp_path / "keys", [master]).open(ring.seal(ANA, b"after")) == b"after"


def test_a_rotation_beside_an_erasure_brings_no_key_back_and_loses_none(tmp_path: Path) -> None:
    """The command line rotates while the host forgets people, who then write again."""
    masters = [new_master_key(), new_master_key()]
    host, command_line = (KeyRing(tmp_path / "keys", masters) for _ in range(2))
    is_over = threading.Event()

    def rotate() -> None:
        while not is_over.is_set():
            masters.reverse()
            command_line.use(masters)
            command_line.rewrap()

    rotation = threading.Thread(target=rotate)
    rotation.start()
    try:
        for _ in range(40):
            before = host.seal(ANA, b"before")
            assert host.destroy(ANA)
            assert not host.has_key(ANA)
            after = host.seal(ANA, b"after")
            reader = KeyRing(tmp_path / "keys", masters)
            assert reader.open(after) == b"after"
            with pytest.raises(SealedError):
                reader.open(before)
    finally:
        is_over.set()
        rotation.join()
    host.destroy(ANA)
    assert not host.has_key(ANA)


def test_a_crash_while_a_key_is_destroyed_locks_nobody_out(
    ring: KeyRing, tmp_path: Path, master: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = ring.seal(ANA, b"zeppelin")

    def crash(path: Path, missing_ok: bool = False) -> None:
        raise OSError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", crash)
        with pytest.raises(OSError, match="power"):
            ring.destroy(ANA)
    assert not ring.has_key(ANA)
    later = KeyRing(tmp_path / "keys", [master])
    assert not [*(tmp_path / "keys").glob("*.destroyed")], "what is left of the key goes at the next start"
    with pytest.raises(SealedError, match="destroyed"):
        later.open(sealed)
    assert later.open(later.seal(ANA, b"again")) == b"again"


def test_a_destruction_that_failed_is_finished_by_the_next(
    ring: KeyRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        path.joinpath("no file").read_bytes()

    ring.seal(ANA, b"zeppelin")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", fail)
        with pytest.raises(NotADirectoryError):
            ring.destroy(ANA)
    assert (ring.destroy(ANA), ring.destroy(ANA)) == (True, False)
    assert not [*(tmp_path / "keys").glob("*.destroyed")]


def test_a_key_file_of_zeros_is_a_destroyed_key(ring: KeyRing, tmp_path: Path, master: MasterKey) -> None:
    """Older versions zeroed a key before they removed it, and may have crashed in between."""
    sealed = ring.seal(ANA, b"zeppelin")
    file = (tmp_path / "keys") / f"{sealed[3:19].hex()}.key"

    def zero() -> KeyRing:
        file.write_bytes(b"\0" * file.stat().st_size)
        return KeyRing(tmp_path / "keys", [master])

    later = zero()
    with pytest.raises(SealedError, match="destroyed"):
        later.open(sealed)
    assert later.open(later.seal(ANA, b"again")) == b"again"
    assert not zero().has_key(ANA)
    ring.seal(ANA, b"once more")
    assert zero().rewrap() == 0
    assert not file.exists()


def test_a_rotation_names_the_file_that_is_damaged(ring: KeyRing, tmp_path: Path) -> None:
    file = (tmp_path / "keys") / f"{ring.seal(ANA, b'zeppelin')[3:19].hex()}.key"
    for damaged in (b"", b"\xff\x00\x80", b"[]", b"{}"):
        file.write_bytes(damaged)
        with pytest.raises(SealedError, match=file.name):
            ring.rewrap()


def test_the_wrong_master_key_is_noticed_at_once(ring: KeyRing, tmp_path: Path) -> None:
    """Otherwise a host would run for a day before somebody notices that nothing old can be read."""
    with pytest.raises(ConfigError, match="another than the one"):
        KeyRing(tmp_path / "keys", [new_master_key()])


def test_keys_are_rotated_while_another_process_goes_on(tmp_path: Path) -> None:
    """A host that runs has old keys in memory, and is given new files under a master key that it has never seen."""
    file = tmp_path / "master"
    write_key_file(file, (old := new_master_key(),))
    host = KeyRing(tmp_path / "keys", [old], file)
    sealed = host.seal(ANA, b"zeppelin")
    of_ben = KeyRing(tmp_path / "keys", [old]).seal(BEN, b"lunch")  # the host has not read this key
    new = new_master_key()
    write_key_file(file, (new, old))
    ring = KeyRing(tmp_path / "keys", [new, old])
    assert ring.rewrap() == 3
    assert ring.rewrap() == 0
    write_key_file(file, (new,))
    assert (host.open(sealed), host.open(of_ben)) == (b"zeppelin", b"lunch")
    of_cara = host.seal("web::cara", b"new")
    assert host.open(of_cara) == b"new"
    later = KeyRing(tmp_path / "keys", [new])
    assert (later.open(sealed), later.open(of_ben), later.open(of_cara)) == (b"zeppelin", b"lunch", b"new")
    assert {json.loads(each.read_bytes())["master"] for each in (tmp_path / "keys").glob("*.key")} == {new.name}
    with pytest.raises(ConfigError):
        KeyRing(tmp_path / "keys", [old])


def test_a_host_whose_key_file_went_still_hears_new_people(tmp_path: Path) -> None:
    file = tmp_path / "master"
    write_key_file(file, (old := new_master_key(),))
    host = KeyRing(tmp_path / "keys", [old], file)
    file.unlink()
    with capture_logs() as logs:
        assert host.open(host.seal(ANA, b"zeppelin")) == b"zeppelin"
        assert host.open(host.seal(BEN, b"lunch")) == b"lunch"
    assert [entry["log_level"] for entry in logs] == ["error"], "it is said once"
    new = new_master_key()
    of_cara = KeyRing(tmp_path / "keys", [old, new])
    of_cara.use([new])
    sealed = of_cara.seal("web::cara", b"new")
    with pytest.raises(SealedError, match="is not given"):
        host.open(sealed)
    write_key_file(file, (new, old))
    file.chmod(0o644)
    with pytest.raises(SealedError, match="is not given"):
        host.open(sealed)
    file.chmod(0o600)
    assert host.open(sealed) == b"new"


def test_two_processes_make_one_key(tmp_path: Path, master: MasterKey) -> None:
    one, other = (KeyRing(tmp_path / "keys", [master]) for _ in range(2))
    assert other.open(one.seal(ANA, b"a")) == b"a"
    assert one.open(other.seal(ANA, b"b")) == b"b"
    assert len([*(tmp_path / "keys").glob("*.key")]) == 2  # that of the installation, and Ana's
    assert one.has_key(ANA) and one.has_key(NO_PERSON) and not one.has_key(BEN)
    assert not [*(tmp_path / "keys").glob(".*")]


@pytest.mark.parametrize("text", ["short", "ä" * 43, "A" * 42, "A" * 44 + "!", f"{'A' * 43},B"])
def test_what_is_no_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigError, match=r"LLMAGENT_OS_ENCRYPTION_KEY: key [12] \(not shown\) is no key") as raised:
        parse_master_keys(text, "LLMAGENT_OS_ENCRYPTION_KEY")
    assert "AAAA" not in str(raised.value)


def test_keys_are_read_as_people_write_them(tmp_path: Path) -> None:
    one, two = new_master_key(), new_master_key()
    assert parse_master_keys(f" {one.as_text()}=, {two.as_text()}\n", "x") == (one, two)
    assert parse_master_keys("", "x") == ()
    file = tmp_path / "master"
    write_key_file(file, (one, two))
    assert read_key_file(file) == (one, two)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_key_file(file)
    file.chmod(0o600)
    file.write_text("# nothing\n")
    with pytest.raises(ConfigError, match="holds no key"):
        read_key_file(file)
    with pytest.raises(ConfigError, match="keys new FILE"):
        read_key_file(tmp_path / "missing")
    assert one.as_text() not in repr(one)

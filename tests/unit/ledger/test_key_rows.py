"""What breaks without this: a host goes on with a key that another has destroyed, or two hosts make two keys of one
account, and what one has sealed the other cannot open.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from llmagent_os.errors import ConfigError
from llmagent_os.ledger import key_rows
from llmagent_os.ledger.announcements import KEYS, Announcements
from llmagent_os.ledger.key_rows import KeyRows
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.ledger.shared_tables import account_keys
from llmagent_os.sealing.key_ring import KeyRing, SealedError
from llmagent_os.sealing.master_keys import MasterKey, new_master_key
from tests.shared_rows import opened_rows

ANA, BEN = "slack:T1:ana", "slack:T1:ben"

Hosts = Callable[..., KeyRing]


@pytest.fixture
def master() -> MasterKey:
    return new_master_key()


@pytest.fixture
def shared(database_url: str, request: pytest.FixtureRequest) -> SharedRows:
    return opened_rows(database_url, request)


@pytest.fixture
def host(shared: SharedRows, database_url: str, master: MasterKey, request: pytest.FixtureRequest) -> Hosts:
    """Opens the ring, as each host does."""

    def opened(*masters: MasterKey, announcements: Announcements | None = None) -> KeyRing:
        rows = KeyRows(database_url, announcements)
        request.addfinalizer(rows.close)
        return KeyRing(rows, masters or (master,))

    return opened


def test_what_one_host_has_sealed_another_opens(host: Hosts) -> None:
    one, other = host(), host()
    with ThreadPoolExecutor(4) as threads:  # all of them make the first keys at the same moment
        sealed = list(threads.map(lambda ring: ring.seal(ANA, b"zeppelin"), (one, other) * 4))
    assert {ring.open(each) for ring in (one, other) for each in sealed} == {b"zeppelin"}
    assert len(one.kept.all()) == 1


def test_the_database_says_nothing_of_whom_and_opens_nothing(
    host: Hosts, shared: SharedRows, master: MasterKey
) -> None:
    host().seal(ANA, b"zeppelin")
    rows = shared.run(lambda db: db.execute(sa.select(account_keys)).all())
    kept = b"".join(str(tuple(row)).encode() for row in rows)
    assert b"ana" not in kept
    assert master.secret not in kept
    with pytest.raises(ConfigError, match="another than the one"):
        host(new_master_key()).check()


def test_a_key_that_another_host_destroys_opens_and_seals_nothing_more(host: Hosts) -> None:
    announcements = Announcements()
    one, other = host(announcements=announcements), host()
    sealed = one.seal(ANA, b"zeppelin")
    assert (one.open(sealed), one.open(one.seal(BEN, b"lunch"))) == (b"zeppelin", b"lunch")
    assert (other.destroy(ANA), other.destroy(ANA)) == (True, False)
    announcements.tell(f"{KEYS}/{one.kept.all()[0].hex()}")
    announcements.tell_missed()
    with pytest.raises(SealedError, match="destroyed"):
        one.open(sealed)
    again = one.seal(ANA, b"back again")
    assert other.open(again) == b"back again"
    with pytest.raises(SealedError):
        other.open(sealed)


def test_a_destroyed_key_is_noticed_without_an_announcement(host: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a second, by the clock."""
    one, other = host(), host()
    sealed = one.seal(ANA, b"zeppelin")
    other.destroy(ANA)
    now = key_rows.time.monotonic()
    monkeypatch.setattr(key_rows.time, "monotonic", lambda: now + key_rows.CHECK_SECONDS)
    with pytest.raises(SealedError, match="destroyed"):
        one.open(sealed)
    assert other.open(one.seal(ANA, b"back again")) == b"back again"


def test_keys_are_rotated_while_another_host_goes_on(host: Hosts, shared: SharedRows, master: MasterKey) -> None:
    new = new_master_key()
    running = host(new, master)
    sealed = running.seal(ANA, b"zeppelin")
    rotated = host(new, master)
    assert rotated.rewrap() == 0
    older = host(master, new)
    of_ben = older.seal(BEN, b"lunch")
    assert rotated.rewrap() == 1
    assert (host(new).open(sealed), running.open(of_ben)) == (b"zeppelin", b"lunch")
    name = f'"{new.name}"'.encode()
    bodies = shared.run(lambda db: db.execute(sa.select(account_keys.c.body, account_keys.c.key_id)).all())
    assert all(name in row.body for row in bodies if row.key_id != "salt")

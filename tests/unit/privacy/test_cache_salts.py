"""Salts of people's prompts on a server. What breaks without this: one person can time what another has asked."""

from __future__ import annotations

from pathlib import Path

from llmagent_os.identity import NOBODY, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.privacy.cache_salts import CACHE_SALTS_KEY, CacheSalts

ANA, BEN = PersonId("slack:T1:ana"), PersonId("slack:T1:ben")


async def test_a_salt_lasts_and_says_nothing_about_its_person(tmp_path: Path) -> None:
    """After a restart the cache is of use again; without the ledger nobody can tell whose it is."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    found: list[list[str]] = []
    for _ in range(2):
        ledger = await Ledger.open(url)
        salts = CacheSalts(await ledger.secret_key(CACHE_SALTS_KEY), "bot")
        found.append([salts.of(ANA), salts.of(BEN), salts.mark])
        assert await ledger.secret_key("another") != await ledger.secret_key(CACHE_SALTS_KEY)
        await ledger.close()
    assert found[0] == found[1]
    assert len(set(found[0])) == 3
    other = await Ledger.open("sqlite://")
    elsewhere = CacheSalts(await other.secret_key(CACHE_SALTS_KEY), "bot")
    await other.close()
    assert elsewhere.of(ANA) != found[0][0], "another installation has another key"


def test_a_person_has_another_salt_with_another_bot() -> None:
    """Two bots on one server cannot be joined by it."""
    one, two = CacheSalts(bytes(32), "one"), CacheSalts(bytes(32), "two")
    assert one.of(ANA) != two.of(ANA)
    assert one.mark != two.mark
    assert one.of(NOBODY) == ""


def test_vllm_takes_a_salt() -> None:
    """It refuses more than 128 characters, and ``@``, slashes and NUL."""
    salt = CacheSalts(bytes(32), "bot").of(ANA)
    assert 0 < len(salt) <= 128
    assert not set(salt) & set("@/\\\0")

"""What breaks without this: two accounts that link and unlink in turns keep a bot learning again for ever."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.link_changes import MAX_CHANGES, WINDOW
from llmagent_os.ledger.link_codes import Joined, Refused
from llmagent_os.people.linking import Links
from tests.unit.ledger.samples import SIX

ANA, BEN, CLEO = (Identity(f"web::{name}") for name in ("ana", "ben", "cleo"))


async def test_links_and_unlinks_of_a_person_are_limited_per_hour(tmp_path: Path) -> None:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    now = SIX
    links = Links(ledger, None, lambda: now)
    for number in range(MAX_CHANGES):
        if number % 2:
            assert await links.leave(BEN) == ()
        else:
            assert isinstance(await links.join(BEN, await links.issue(ANA)), Joined)
    assert await links.leave(BEN) is Refused.CHANGED_OFTEN
    assert await links.everyone(BEN) == (ANA, BEN), "nothing was done"
    assert await links.join(CLEO, await links.issue(ANA)) is Refused.CHANGED_OFTEN, "not with a fresh account either"
    await ledger.close()
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")  # a restart does not begin the hour anew
    links = Links(ledger, None, lambda: now)
    assert await links.leave(BEN) is Refused.CHANGED_OFTEN
    now += WINDOW + timedelta(seconds=1)
    assert await links.leave(BEN) == ()
    await ledger.close()


async def test_others_link_as_they_like(ledger: Ledger) -> None:
    """One person's changes must not lock everybody else."""
    links = Links(ledger, None, lambda: SIX)
    for number in range(MAX_CHANGES):
        await (links.leave(BEN) if number % 2 else links.join(BEN, await links.issue(ANA)))
    dan = Identity("web::dan")
    assert isinstance(await links.join(dan, await links.issue(CLEO)), Joined)

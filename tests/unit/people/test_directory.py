"""Who is behind an account. What breaks without this: a person who opted out of learning is learned from."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.events import Conversation, Reaction, Sender
from llmagent_os.identity import Identity, PersonId
from llmagent_os.people.directory import Directory
from llmagent_os.people.profiles import Profiles


@pytest.mark.parametrize(
    ("learning", "action", "counts"),
    [(None, "added", True), ("off", "added", False), ("off", "removed", True), ("on", "added", True)],
)
async def test_of_people_who_opted_out_only_the_removal_of_a_reaction_counts(
    tmp_path: Path, learning: str | None, action: str, counts: bool
) -> None:
    """A reaction that they gave before can still be taken back."""
    profiles = Profiles(tmp_path)
    await profiles.update(PersonId("slack:T1:U1"), learning=learning)
    reaction = Reaction(
        event_id="1",
        conversation=Conversation(platform="slack", workspace="T1", channel="c"),
        sender=Sender("U1"),
        message_id="m",
        emoji="👍",
        action="removed" if action == "removed" else "added",
    )
    assert await Directory(None, profiles).may_teach(reaction) is counts


async def test_without_a_ledger_every_account_is_a_person_of_its_own() -> None:
    directory = Directory(None, None)
    assert await directory.person_of(Identity("slack:T1:U1")) == "slack:T1:U1"
    assert await directory.identities_of(Identity("slack:T1:U1")) == ("slack:T1:U1",)
    assert (await directory.profile(PersonId("slack:T1:U1"))).user_id == "slack:T1:U1"

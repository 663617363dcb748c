"""What the type checkers must refuse and accept of accounts and people. Nobody runs this file: it is only checked.

Each line with a ``type: ignore`` would show one person another's data. If a type checker stops refusing such a line,
``mypy`` fails for an unused ignore.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from llmagent_os.identity import Identity, PersonId, first_identity_of, identity_of, parse, person_kept_under

if TYPE_CHECKING:
    from llmagent_os.events import Event
    from llmagent_os.ledger import Ledger, RewardWithReply
    from llmagent_os.modules import BehaviorModule
    from llmagent_os.people.directory import Directory
    from llmagent_os.people.profiles import Profiles
    from llmagent_os.plugin import ToolContext
    from llmagent_os.policy_worker import PolicyWorker
    from llmagent_os.reply.exchange import Exchange
    from llmagent_os.reply.lora_resolver import LoraResolver


async def an_account_is_no_person(
    identity: Identity,
    profiles: Profiles,
    behavior: BehaviorModule,
    worker: PolicyWorker,
    lora: LoraResolver,
    ledger: Ledger,
    directory: Directory,
) -> None:
    """The account of a person who has linked several may have a profile put aside, and learned tastes of before."""
    await profiles.get(identity)  # type: ignore[arg-type]
    await profiles.update(identity, name="Ana")  # type: ignore[arg-type]
    await directory.profile(identity)  # type: ignore[arg-type]
    await ledger.opinions(identity, ())  # type: ignore[arg-type]
    await worker.load(identity)  # type: ignore[arg-type]
    worker.tastes(identity)  # type: ignore[arg-type]
    behavior.decide(identity, {}, {}, learn=True)  # type: ignore[arg-type]
    await lora.choose(identity)  # type: ignore[arg-type]


async def a_person_is_no_account(person_id: PersonId, ledger: Ledger, context: ToolContext) -> None:
    """What a person writes on Discord belongs to the Discord account, also where the profile is that of Slack."""
    ledger.records("calendar", person_id)  # type: ignore[arg-type]
    ledger.records("calendar", context.user_id)  # type: ignore[arg-type]
    await ledger.history("room", person_id, 10)  # type: ignore[arg-type]
    await ledger.identities.person(person_id)  # type: ignore[arg-type]
    await ledger.identities.leave(person_id)  # type: ignore[arg-type]


async def a_platforms_own_id_is_neither(event: Event, ledger: Ledger, profiles: Profiles) -> None:
    """Two platforms can give two people the same id."""
    await profiles.get(event.sender.user_id)  # type: ignore[arg-type]
    await ledger.forget(event.sender.user_id)  # type: ignore[arg-type]
    await ledger.forget("slack:T1:U7")  # type: ignore[arg-type]
    await ledger.forget(parse("slack:T1:U7"))


def the_two_are_never_equal(identity: Identity, person_id: PersonId) -> bool:
    """Whether an account is the first of a person must be asked in words."""
    if identity == person_id:  # type: ignore[comparison-overlap]
        return True
    return identity == first_identity_of(person_id) or person_kept_under(identity) == person_id


async def types_of_what_is_returned(event: Event, ledger: Ledger, exchange: Exchange, row: RewardWithReply) -> None:
    """An editor shows these."""
    assert_type(identity_of(event), Identity)
    assert_type(await ledger.identities.person(identity_of(event)), PersonId)
    assert_type(await ledger.identities.everyone(identity_of(event)), tuple[Identity, ...])
    assert_type(exchange.identity, Identity)
    assert_type(exchange.profile.user_id, PersonId)
    assert_type((row.person, row.identities), tuple[PersonId, tuple[Identity, ...]])

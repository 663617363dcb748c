"""Who is answered. What breaks without this: strangers use somebody's model, and read or spoil what it has learned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal, TypedDict

import pytest

from llmagent_os.adapter import Capabilities, Reply
from llmagent_os.admin import people_command as door
from llmagent_os.admin import profile_command as people
from llmagent_os.agent import Agent
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.events import ButtonPress, Command, Conversation, Event, Message, Reaction, Sender, now
from llmagent_os.host.host import Host
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.members import MAX_REQUESTS
from llmagent_os.people.access import REQUEST_VALID, TOLD_AGAIN, Access, plain_name
from llmagent_os.people.admission import Admission
from llmagent_os.people.profiles import Profiles
from llmagent_os.reply.services import Services
from llmagent_os.testing import MemoryAdapter, ScriptedLLM, running

Mode = Literal["pairing", "closed", "everyone"]


class Where(TypedDict):
    """Who does something, and where."""

    event_id: str
    conversation: Conversation
    sender: Sender


class House:
    """An agent behind a door."""

    def __init__(self, ledger: Ledger, profiles: Profiles, mode: Mode = "pairing", **given: str) -> None:
        self.ledger = ledger
        self.now = now()
        self.llm = ScriptedLLM(*["Hello."] * 50)
        self.access = Access(
            ledger,
            access=mode,
            allow=given.get("allow", ""),
            admins=given.get("admins", ""),
            trusted=["web"],
            clock=lambda: self.now,
        )
        agent = Agent(llm=self.llm, services=Services(ledger=ledger, profiles=profiles, access=self.access))
        self.handler = Admission(agent, self.access)
        self.count = 0

    async def handle(self, event: Event) -> Reply | None:
        return (await self.handler.handle(event, _no_draft)).reply

    def at(self, user: str, platform: str = "slack", *, group: bool = False) -> Where:
        self.count += 1
        return {
            "event_id": f"e{self.count}",
            "conversation": Conversation(
                platform=platform,
                workspace="T1" if platform == "slack" else "",
                channel="g" if group else user,
                kind="group" if group else "direct",
            ),
            "sender": Sender(user, "Mallory *the* <@great>"),
        }

    async def say(self, text: str, user: str = "U9", *, group: bool = False, addressed: bool = True) -> Reply | None:
        where = self.at(user, group=group)
        return await self.handle(Message(text=text, message_id="m", addressed=addressed, **where))

    async def command(self, name: str, arguments: str = "", user: str = "U9", platform: str = "slack") -> Reply | None:
        return await self.handle(Command(name=name, arguments=arguments, **self.at(user, platform)))

    async def code(self, user: str = "U9") -> str:
        reply = await self.say("hi", user)
        assert reply is not None
        return reply.text.split("`")[1]


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield ledger
    await ledger.close()


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    return Profiles(tmp_path / "profiles")


async def _no_draft(_: str) -> None:
    return None


# ── strangers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_stranger_is_told_a_code_and_the_model_is_not_asked(ledger: Ledger, profiles: Profiles) -> None:
    house = House(ledger, profiles)
    reply = await house.say("what does Ana do today?")
    assert reply is not None
    assert "llmagent-os people approve" in reply.text
    assert house.llm.requests == []
    assert (await ledger.export(Identity("slack:T1:U9")))["interactions"] == []


async def test_the_code_is_not_repeated_with_every_message(ledger: Ledger, profiles: Profiles) -> None:
    house = House(ledger, profiles)
    first = await house.code()
    assert await house.say("hello?") is None
    house.now += TOLD_AGAIN
    assert await house.code() == first
    house.now += REQUEST_VALID
    assert await house.code() != first


async def test_in_a_group_a_stranger_is_told_once_and_alone(ledger: Ledger, profiles: Profiles) -> None:
    house = House(ledger, profiles)
    assert await house.say("lunch?", group=True, addressed=False) is None
    hint = await house.say("what is on?", group=True)
    assert hint is not None
    assert hint.only_for == "U9"
    assert "-" not in hint.text.split("`")[0].rsplit(" ", 1)[-1]  # no code: others read along
    assert await house.say("hello?", group=True) is None
    assert await ledger.members.requests(house.now) == []


async def test_a_closed_door_says_nothing(ledger: Ledger, profiles: Profiles) -> None:
    house = House(ledger, profiles, "closed", allow="slack:T1:U1")
    assert await house.say("hi") is None
    assert await house.command("help") is None
    assert await house.command("link", "ABCD-EFGH") is None
    assert await house.say("hi", "U1") is not None


async def test_closing_the_door_shuts_out_whoever_was_let_in(ledger: Ledger, profiles: Profiles) -> None:
    await House(ledger, profiles).access.allow_identity(Identity("slack:T1:U9"), "somebody")
    assert await House(ledger, profiles, "pairing").say("hi") == Reply("Hello.")
    assert await House(ledger, profiles, "closed").say("hi") is None


async def test_everyone_may_come_where_that_is_said(ledger: Ledger, profiles: Profiles) -> None:
    reply = await House(ledger, profiles, "everyone").say("hi")
    assert reply is not None
    assert reply.text == "Hello."


@pytest.mark.parametrize(
    ("allow", "user", "admitted"),
    [
        ("slack:T1:U9", "U9", True),
        ("slack:T1:*", "U9", True),
        ("discord::1, slack:*:U9", "U9", True),
        ("slack:T2:*", "U9", False),
        ("slack:T1:U", "U9", False),
        ("", "U9", False),
        (",,", "U9", False),
    ],
)
async def test_allowed_people_and_patterns(
    ledger: Ledger, profiles: Profiles, allow: str, user: str, admitted: bool
) -> None:
    house = House(ledger, profiles, "closed", allow=allow)
    assert (await house.say("hi", user) is not None) == admitted


async def test_whoever_is_let_in_by_a_trusted_platform_is_answered(ledger: Ledger, profiles: Profiles) -> None:
    house = House(ledger, profiles, "closed")
    said = Message(text="hi", message_id="m", **house.at("visitor", "web"))
    assert await house.handle(said) is not None


async def test_too_many_strangers_do_not_fill_the_ledger(ledger: Ledger, profiles: Profiles) -> None:
    house = House(ledger, profiles)
    for number in range(MAX_REQUESTS):
        assert await house.say("hi", f"S{number}") is not None
    assert await house.say("hi", "late") is None
    assert len(await ledger.members.requests(house.now)) == MAX_REQUESTS
    house.now += REQUEST_VALID
    assert await house.say("hi", "late") is not None


def test_names_that_strangers_choose_are_shown_harmless() -> None:
    assert plain_name("a\x00\u202eb" * 100).isprintable()
    assert len(plain_name("long " * 100)) <= 60
    assert "@" not in plain_name("<@everyone> [x](http://evil)")


# ── letting in ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_admin_lets_somebody_in_and_out_again(ledger: Ledger, profiles: Profiles) -> None:
    house = House(ledger, profiles, admins="slack:T1:U1")
    code = await house.code()
    reply = await house.command("approve", f"`{code.lower()}`", "U1")
    assert reply is not None
    assert "slack:T1:U9" in reply.text
    assert "<@" not in reply.text
    assert (await house.say("hi")) == Reply("Hello.")
    gone = await house.command("revoke", "slack:T1:U9", "U1")
    assert gone is not None
    again = await house.say("hi")
    assert again is not None
    assert again.text != "Hello."


async def test_only_admins_let_in(ledger: Ledger, profiles: Profiles) -> None:
    house = House(ledger, profiles, allow="slack:T1:U2", admins="slack:T1:U1")
    code = await house.code()
    refused = await house.command("approve", code, "U2")
    assert refused is not None
    assert "Only admins" in refused.text
    assert await house.command("approve", code, "U9") is None  # a stranger, who has the code: told it lately
    assert not await house.access.admits_identity(Identity("slack:T1:U9"))
    assert "approve" not in (await house.command("help", "", "U2") or Reply("")).text
    assert "approve" in (await house.command("help", "", "U1") or Reply("")).text


async def test_wrong_and_old_codes_let_nobody_in(ledger: Ledger, profiles: Profiles) -> None:
    house = House(ledger, profiles, admins="slack:T1:U1")
    code = await house.code()
    for typed in ("", "no code", "2222-2222"):
        reply = await house.command("approve", typed, "U1")
        assert reply is not None
        assert reply.text.startswith("Nobody waits")
    house.now += REQUEST_VALID
    reply = await house.command("approve", code, "U1")
    assert reply is not None
    assert reply.text.startswith("Nobody waits")


async def test_somebody_known_elsewhere_comes_in_with_a_code_of_their_own(ledger: Ledger, profiles: Profiles) -> None:
    """Let in on Slack, and now on Telegram."""
    house = House(ledger, profiles, allow="slack:T1:U1")
    issued = await house.command("link", "", "U1")
    assert issued is not None
    code = issued.text.split("`/link ")[1].split("`")[0]
    assert await house.command("link", "", "4711", "telegram") is not None  # the door: a stranger is issued none
    joined = await house.command("link", code, "4711", "telegram")
    assert joined is not None
    assert "Slack and Telegram" in joined.text
    said = Message(text="hi", message_id="m", **house.at("4711", "telegram"))
    assert await house.handle(said) == Reply("Hello.")
    left = await house.command("unlink", "", "4711", "telegram")
    assert left is not None
    assert "ask you who you are" in left.text


async def test_a_code_to_link_is_not_kept_in_what_was_said(ledger: Ledger, profiles: Profiles) -> None:
    house = House(ledger, profiles, allow="slack:T1:U1")
    for name in ("link", "unlink", "approve"):
        where = house.at("U1")
        outcome = await house.handler.handle(Command(name=name, **where), _no_draft)
        assert outcome.interaction is None


async def test_in_a_group_commands_are_answered_for_who_gave_them(ledger: Ledger, profiles: Profiles) -> None:
    house = House(ledger, profiles, "everyone")
    for name in ("help", "profile", "link", "forget", "nonsense"):
        reply = await house.handle(Command(name=name, **house.at("U5", group=True)))
        assert reply is not None
        assert reply.only_for == "U5"


# ── through the host ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_strangers_reaction_is_no_reward(ledger: Ledger, profiles: Profiles) -> None:
    platform = MemoryAdapter("slack", Capabilities(reactions=True))
    house = House(ledger, profiles, allow="slack::u1")
    host = Host(house.handler, ledger, [platform], may_rate=house.access.admits)
    async with running(host):
        await platform.say("hi")
        sent = (await platform.sent(1))[0]
        await platform.react(sent, "👎", user="stranger")
        await platform.react(sent, "👍", user="u1")
        await platform.say("again")
        await platform.sent(2)
    (turn, _) = await ledger.history(sent.conversation.key, Identity("slack::u1"), 5)
    rewards = await ledger.rewards_of(turn.interaction_id)
    assert [(each.rater_id, each.reward) for each in rewards if each.kind == "reaction"] == [("slack::u1", 1.0)]


async def test_a_press_of_a_stranger_does_nothing(ledger: Ledger, profiles: Profiles) -> None:
    house = House(ledger, profiles, "closed")
    press = ButtonPress(message_id="m", value="agent:undo", **house.at("U9"))
    assert await house.handle(press) is None
    reaction = Reaction(message_id="m", emoji="👍", action="added", **house.at("U9"))
    assert await house.handle(reaction) is None


# ── from the command line ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(env_file=None, data=tmp_path)


async def test_the_command_line_lets_in_beside_a_running_host(
    ledger: Ledger, profiles: Profiles, settings: Settings
) -> None:
    house = House(ledger, profiles)
    code = await house.code()
    assert code in await door.listing(settings)
    assert "slack:T1:U9" in await door.approve(settings, code)
    assert await house.say("hi") == Reply("Hello.")
    assert "command line" in await door.listing(settings)
    assert "No longer" in await door.revoke(settings, "slack:T1:U9")
    assert "slack:T1:U7" in await door.allow(settings, "slack:T1:U7")
    assert await house.say("hi", "U7") == Reply("Hello.")


async def test_what_is_mistyped_on_the_command_line_is_said(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="people list"):
        await door.approve(settings, "2222-2222")
    for call in (door.allow, door.revoke):
        with pytest.raises(ConfigError, match="platform:workspace:id"):
            await call(settings, "U7")
    assert "Anybody else who writes gets a code" in await door.listing(settings)


async def test_files_of_a_platform_that_has_no_token_any_more_are_forgotten(tmp_path: Path, settings: Settings) -> None:
    theirs, others = (tmp_path / "telegram" / "files" / user / "m1" / "a.txt" for user in ("4711", "99"))
    for file in (theirs, others):
        file.parent.mkdir(parents=True)
        file.write_text("x")
    assert "files: 1 message" in await people.forget(settings, "telegram::4711")
    assert (theirs.exists(), others.exists()) == (False, True)


async def test_links_are_shown_and_taken_apart_from_the_command_line(
    ledger: Ledger, profiles: Profiles, settings: Settings
) -> None:
    house = House(ledger, profiles, "everyone")
    issued = await house.command("link", "", "U1")
    assert issued is not None
    await house.command("link", issued.text.split("`/link ")[1].split("`")[0], "4711", "telegram")
    await profiles.update(PersonId("slack:T1:U1"), name="Ana")
    shown = await people.show(settings, "telegram::4711")
    assert "name: Ana" in shown
    assert "linked: slack:T1:U1, telegram::4711" in shown
    assert "no longer linked" in await people.unlink(settings, "telegram::4711")
    assert "linked to no other account" in await people.unlink(settings, "telegram::4711")
    assert "Ana" not in await people.show(settings, "telegram::4711")

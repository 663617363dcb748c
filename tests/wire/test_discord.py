"""Discord over its real client and sockets: the gateway, the HTTP API."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from discord import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagent_os.adapter import Button, Card, Reacts, Receipt, Remembers, Reply
from llmagent_os.adapters.discord.adapter import DiscordAdapter
from llmagent_os.errors import AdapterError, ConfigError, NotConfiguredError, TryLaterError
from llmagent_os.events import ButtonPress, Command, Edit, Message, Reaction
from llmagent_os.languages import translated
from llmagent_os.records import MemoryRecords
from tests.platforms.discord import BOT_ID, FORUM_ID, ROLE, TOKEN, DiscordServer
from tests.platforms.server import Shown

from .contract import AdapterContract, Inbox, Platform, Served
from .fuzz import JSON, mutated


class DiscordPlatform(Served[DiscordServer]):
    """The platform for the contract: Ana writes to the bot directly. Threads are in the server's channel."""

    def __init__(self, server: DiscordServer, data: Path, **options: Any) -> None:
        self.commands: dict[str, str] = {"profile": "what I know about you", "forget": "erase it"}
        super().__init__(server, data, **{"watch_seconds": 0.2, **options})

    def make(self) -> DiscordAdapter:
        return DiscordAdapter(
            token=TOKEN,
            api_url=self.server.environment["DISCORD_API_URL"],
            data=self.data,
            store=self.store,
            commands=lambda: {name: translated(about) for name, about in self.commands.items()},
            languages=("en", "de", "es"),
            **self.options,
        )

    async def say(self, text: str, *, thread: str | None = None) -> None:
        if thread is None:
            await self.server.say(text)
        else:
            await self.server.say(text, channel=self.server.group, thread=thread, mention=True)

    async def shown(self, ready: Callable[[list[Shown]], bool]) -> list[Shown]:
        def seen() -> list[Shown]:
            return [*self.server.shown(), *self.server.shown(self.server.group)]

        await self.server.wait(lambda: ready(seen()))
        return seen()


@pytest.fixture(autouse=True)
def identified_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two identifications, discord.py waits the five seconds that Discord's own gateway asks for."""

    async def at_once(self: Client, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait for nothing."""

    monkeypatch.setattr(Client, "before_identify_hook", at_once)


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    server = DiscordServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def discord(server: DiscordServer, tmp_path: Path) -> AsyncIterator[DiscordPlatform]:
    platform = DiscordPlatform(server, tmp_path)
    await platform.open()
    yield platform
    await platform.running.stop()


class TestDiscord(AdapterContract):
    @pytest.fixture
    def platform(self, discord: DiscordPlatform) -> Platform:
        return discord


def called(server: DiscordServer, method: str, ending: str) -> list[Any]:
    return [body for verb, path, body in server.calls if verb == method and path.endswith(ending)]


# ── the connection ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_broken_line_is_resumed_and_what_it_missed_is_replayed(discord: DiscordPlatform) -> None:
    server = discord.server
    said = await discord.asked("before")
    sent = await discord.adapter.send(said.conversation, Reply("hello"), key="k1")
    await server.drop()
    await server.say("meanwhile")
    await server.react(sent.message_ids[0], "👍", on=True)
    await discord.inbox.wait(Reaction)
    assert [each.text for each in discord.inbox.of(Message)] == ["before", "meanwhile"]
    assert server.gateway.resumed == 1


@pytest.mark.parametrize("how", ["op 7", "close 4000"])
async def test_a_server_that_is_restarted_is_come_back_to(discord: DiscordPlatform, how: str) -> None:
    gateway = discord.server.gateway
    await (gateway.ask_to_reconnect() if how == "op 7" else gateway.close(4000))
    await discord.server.wait(lambda: gateway.resumed == 1)
    assert (await discord.asked("after")).text == "after"


async def test_where_a_session_cannot_be_resumed_history_tells_what_was_missed(discord: DiscordPlatform) -> None:
    server = discord.server
    said = await discord.asked("directly")
    await discord.adapter.send(said.conversation, Reply("yes"), key="k1")
    await discord.asked("in the group", channel=server.group, mention=True)
    await server.drop()
    server.gateway.forget()
    await server.say("again directly")
    await server.say("and in the group", channel=server.group, mention=True)
    await discord.inbox.wait(Message, 4)
    texts = [each.text for each in discord.inbox.of(Message)]
    assert sorted(texts[2:]) == ["again directly", "and in the group"]
    assert server.gateway.resumed == 0


async def test_a_session_that_is_over_is_begun_anew(discord: DiscordPlatform) -> None:
    await discord.server.gateway.invalidate()
    await discord.server.connected()
    assert (await discord.asked("after")).text == "after"


async def test_what_is_said_while_the_process_is_down_is_heard_after_it_and_once(discord: DiscordPlatform) -> None:
    server = discord.server
    await discord.asked("before")
    await discord.running.stop()
    for number in range(3):
        await server.say(f"while away {number}")
    await discord.reborn()
    await discord.inbox.wait(Message, 4)
    await discord.asked("after")
    texts = [each.text for each in discord.inbox.of(Message)]
    assert texts == ["before", "while away 0", "while away 1", "while away 2", "after"]


async def test_a_line_over_which_nothing_comes_is_made_anew(server: DiscordServer, tmp_path: Path) -> None:
    """Such a connection looks healthy: it is open, and takes what is sent."""
    server.gateway.heartbeat = 0.2
    discord = DiscordPlatform(server, tmp_path, deaf_seconds=0.8)
    await discord.open()
    server.gateway.deaf = True
    await server.say("anybody?")
    await server.wait(lambda: server.gateway.resumed > 0)
    server.gateway.deaf = False
    assert (await discord.inbox.wait(Message))[0].text == "anybody?"
    await discord.running.stop()


async def test_as_many_shards_as_discord_wants(server: DiscordServer, tmp_path: Path) -> None:
    server.gateway.shards = 3
    discord = DiscordPlatform(server, tmp_path)
    await discord.open()
    await server.wait(lambda: len(server.gateway.live) == 3)
    await discord.asked("directly")
    assert (await discord.asked("in the group", channel=server.group, mention=True)).text == "in the group"
    await discord.running.stop()


async def test_where_the_right_to_read_is_missing_it_hears_what_is_meant_for_it(
    server: DiscordServer, tmp_path: Path
) -> None:
    server.gateway.no_content = True
    discord = DiscordPlatform(server, tmp_path)
    await discord.open()
    await server.say("lunch, anybody?", channel=server.group)
    said = await discord.asked("what is on today?", channel=server.group, mention=True)
    assert [each.text for each in discord.inbox.of(Message)] == ["what is on today?"]
    assert said.addressed
    assert (await discord.asked("directly")).text == "directly"
    await discord.running.stop()


# ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_token_it_is_left_out(tmp_path: Path) -> None:
    with pytest.raises(NotConfiguredError, match="DISCORD_TOKEN"):
        DiscordAdapter(token="", data=tmp_path)


async def test_a_bad_token_is_a_configuration_error_that_says_what_to_do(server: DiscordServer, tmp_path: Path) -> None:
    server.gateway.revoked = True
    adapter = DiscordPlatform(server, tmp_path).make()
    with pytest.raises(ConfigError, match=r"DISCORD_TOKEN.*Reset Token") as caught:
        await adapter.run(Inbox().accept)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("noticed", ["gateway", "request"])
async def test_a_token_that_is_revoked_ends_it(discord: DiscordPlatform, noticed: str) -> None:
    said = await discord.asked()
    discord.server.gateway.revoked = True
    if noticed == "gateway":
        await discord.server.gateway.close(4004)
    else:
        with pytest.raises(ConfigError, match="DISCORD_TOKEN"):
            await discord.adapter.send(said.conversation, Reply("hello"), key="k1")
    with pytest.raises(ConfigError, match="DISCORD_TOKEN"):
        await discord.running.end()


async def test_a_server_that_cannot_be_reached_is_left_to_the_host(server: DiscordServer, tmp_path: Path) -> None:
    adapter = DiscordPlatform(server, tmp_path).make()
    await server.stop()
    with pytest.raises(TryLaterError, match="cannot be reached"):
        await adapter.run(Inbox().accept)


# ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_long_pause_is_left_to_the_host(discord: DiscordPlatform) -> None:
    said = await discord.asked()
    discord.server.limit(40)
    with pytest.raises(TryLaterError) as caught:
        await discord.adapter.send(said.conversation, Reply("later"), key="k1")
    assert 30 <= (caught.value.seconds or 0) <= 40
    other = await discord.asked(user=discord.server.ben)
    await discord.adapter.send(other.conversation, Reply("now"), key="k2")
    assert [one.text for one in discord.server.shown(user=discord.server.ben)] == ["now"]


async def test_a_reply_whose_answer_got_lost_is_seen_once(discord: DiscordPlatform) -> None:
    said = await discord.asked()
    discord.server.lose_answers = 1
    receipts: list[Receipt] = []
    for again in (False, True):  # discord.py itself may have tried again
        with contextlib.suppress(TryLaterError):
            receipts.append(await discord.adapter.send(said.conversation, Reply("once"), key="k1", again=again))
    assert [one.message_id for one in discord.server.shown()] == list(receipts[-1].message_ids)


async def test_a_reply_sent_by_a_process_that_died_is_seen_once(discord: DiscordPlatform) -> None:
    said = await discord.asked()
    words = " ".join(f"word{number}" for number in range(1000))
    first = await discord.adapter.send(said.conversation, Reply(words), key="k1")
    await discord.reborn()
    second = await discord.adapter.send(said.conversation, Reply(words), key="k1", again=True)
    assert second == first
    assert " ".join(one.text for one in discord.server.shown()).split() == words.split()


async def test_in_a_group_the_answer_refers_to_the_question(discord: DiscordPlatform) -> None:
    server = discord.server
    said = await discord.asked(channel=server.group, mention=True)
    await discord.adapter.send(said.conversation, Reply("hello"), key="k1", reply_to=said.message_id)
    (body,) = called(server, "POST", f"/channels/{server.group}/messages")
    assert body["message_reference"]["message_id"] == said.message_id
    assert body["allowed_mentions"] == {"parse": [], "replied_user": True}
    assert len(body["nonce"]) <= 25
    assert body["enforce_nonce"] is True


async def test_what_is_secret_goes_to_the_person_or_says_that_it_cannot(discord: DiscordPlatform) -> None:
    server = discord.server
    said = await discord.asked(channel=server.group, mention=True)
    secret = Reply("Your code", only_for=server.ana)
    await discord.adapter.send(said.conversation, secret, key="k1")
    assert [one.text for one in server.shown()] == ["Your code"]
    server.closed_doors.add(server.ben)
    said = await discord.asked(channel=server.group, mention=True, user=server.ben)
    await discord.adapter.send(said.conversation, Reply("x", only_for=server.ben), key="k2")
    (hint,) = server.shown(server.group)
    assert "direct messages" in hint.text


async def test_where_cards_are_forbidden_the_words_still_arrive(discord: DiscordPlatform) -> None:
    server = discord.server
    server.embeds_allowed = False
    said = await discord.asked(channel=server.group, mention=True)
    await discord.adapter.send(said.conversation, Reply("Booked.", Card("Lunch", (("When", "noon"),))), key="k1")
    assert [one.text for one in server.shown(server.group)] == ["Booked.\nLunch\nWhen: noon"]


async def test_cards_and_buttons_fit_discords_limits(discord: DiscordPlatform) -> None:
    said = await discord.asked()
    rows = tuple((f"label {n}" * 100, "text " * 500) for n in range(60))
    buttons = tuple(Button(f"choice {n} " * 20, "x" * n * 7, "primary") for n in range(40))
    await discord.adapter.send(said.conversation, Reply("w " * 3000, Card("t" * 999, rows), buttons), key="k1")
    shown = discord.server.shown()
    assert (len(shown[-1].buttons), shown[-1].menus) == (40, 2)


async def test_files_that_cannot_be_sent_do_not_cost_the_words(discord: DiscordPlatform, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(11 * 1024 * 1024))
    said = await discord.asked()
    reply = Reply("Here.", files=(str(tmp_path / "gone.ics"), str(large)))
    await discord.adapter.send(said.conversation, reply, key="k1")
    (shown,) = discord.server.shown()
    assert shown.text.startswith("Here.")
    assert "gone.ics" in shown.text
    assert "large.bin" in shown.text


# ── drafts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dies", [False, True])
async def test_the_draft_becomes_the_reply(discord: DiscordPlatform, dies: bool) -> None:
    """Also in a new process that knows nothing of the draft: Discord knows its nonce."""
    said = await discord.asked()
    await discord.adapter.draft(said.conversation, "You have", key=f"discord:{said.event_id}")
    await discord.adapter.draft(said.conversation, "You have lunch", key=f"discord:{said.event_id}")
    assert len(discord.server.shown()) == 1
    if dies:
        await discord.reborn()
    reply = Reply("You have lunch at noon.", buttons=(Button("Move it", "calendar:move"),))
    await discord.adapter.send(said.conversation, reply, key=f"discord:{said.event_id}")  # sent anew by the new process
    (shown,) = discord.server.shown()
    assert (shown.text, shown.buttons) == ("You have lunch at noon.", ("Move it",))


# ── buttons and commands ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_values_longer_than_discord_carries_come_back_whole(discord: DiscordPlatform) -> None:
    long = "calendar:delete:" + "é" * 200
    said = await discord.asked()
    reply = Reply("Sure?", buttons=(Button("Delete", long),))
    (message_id,) = (await discord.adapter.send(said.conversation, reply, key="k1")).message_ids
    await discord.reborn()
    await discord.server.press(message_id, "Delete")
    assert (await discord.inbox.wait(ButtonPress))[0].value == long


async def test_a_pressed_button_is_acknowledged_and_marked(discord: DiscordPlatform) -> None:
    server = discord.server
    said = await discord.asked()
    reply = Reply("Sure?", buttons=(Button("Yes", "calendar:yes"), Button("No", "calendar:no")))
    (message_id,) = (await discord.adapter.send(said.conversation, reply, key="k1")).message_ids
    await server.press(message_id, "Yes")
    await server.wait(lambda: not server.shown()[0].buttons)
    press = (await discord.inbox.wait(ButtonPress))[0]
    await discord.adapter.send(press.conversation, Reply("Done."), key=f"discord:{press.event_id}")
    assert [one.text for one in server.shown()] == ["Sure?", "Done."]


async def test_a_command_in_a_server_is_answered_for_the_one_who_gave_it(discord: DiscordPlatform) -> None:
    server = discord.server
    await server.command("profile", "undo", channel=server.group)
    command = (await discord.inbox.wait(Command))[0]
    reply = Reply("word " * 1000, only_for=server.ana)
    await discord.adapter.send(command.conversation, reply, key=f"discord:{command.event_id}")
    mine = server.shown(server.group, user=server.ana)
    assert len(mine) == 3
    assert {one.only_for for one in mine} == {server.ana}
    assert server.shown(server.group, user=server.ben) == []


async def test_a_command_that_the_host_has_no_room_for_says_so(discord: DiscordPlatform) -> None:
    discord.inbox.full = True
    await discord.server.command("profile")
    (shown,) = await discord.server.until(lambda seen: len(seen) == 1)
    assert "try again" in shown.text.lower()


@pytest.mark.parametrize("why", ["late", "over"])
async def test_an_interaction_that_can_be_answered_no_more_is_answered_in_the_channel(
    discord: DiscordPlatform, why: str
) -> None:
    server = discord.server
    server.late = why == "late"
    await server.command("profile")
    command = (await discord.inbox.wait(Command))[0]
    if why == "over":
        await server.wait(lambda: bool(called(server, "POST", "/callback")))
        server.forget_interactions()
    await discord.adapter.send(command.conversation, Reply("Ana"), key=f"discord:{command.event_id}")
    await server.until(lambda seen: [one.text for one in seen] == ["Ana"])


async def test_commands_are_registered_when_they_change_and_only_then(discord: DiscordPlatform) -> None:
    server = discord.server
    await server.wait(lambda: [each["name"] for each in server.commands] == ["profile", "forget"])
    await discord.restart()
    assert len(called(server, "PUT", "/commands")) == 1
    discord.commands = {"roll": "roll a die", "No Command": "x"}
    await server.wait(lambda: [each["name"] for each in server.commands] == ["roll"])


async def test_the_menu_of_a_german_is_german(discord: DiscordPlatform) -> None:
    server = discord.server
    discord.commands = {"help": "what I can do"}
    await server.wait(lambda: [each["name"] for each in server.commands] == ["help"])
    assert server.commands[0]["description"] == "what I can do"
    assert server.commands[0]["description_localizations"] == {
        "de": "was ich kann",
        "es-ES": "lo que sé hacer",
        "es-419": "lo que sé hacer",
    }


# ── receiving ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_forums_post_is_a_conversation_of_its_own(discord: DiscordPlatform) -> None:
    said = await discord.asked("what do you think?", channel=FORUM_ID, thread="an idea", mention=True)
    assert said.conversation.thread == said.conversation.channel
    await discord.adapter.send(said.conversation, Reply("good"), key="k1")
    assert [one.text for one in discord.server.shown(FORUM_ID)] == ["good"]


async def test_a_mention_of_its_role_counts_and_other_names_are_readable(discord: DiscordPlatform) -> None:
    server = discord.server
    payload = server._new(server.group, server.ana, f"<@&{ROLE}> ask <@{server.ben}> in <#{server.group}> <:ok:77>")  # pyright: ignore[reportPrivateUsage]
    payload |= {"mention_roles": [ROLE], "mentions": [server._user(server.ben)], "guild_id": "1000000000000000100"}  # pyright: ignore[reportPrivateUsage]
    await server.gateway.unchecked("MESSAGE_CREATE", payload)
    said = (await discord.inbox.wait(Message))[0]
    assert (said.text, said.addressed) == ("ask @Ben in #team :ok:", True)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<@{ben}> <@!{ben}> <@1000000000000000099>", "@Ben @Ben someone"),
        ("<@&1000000000000000098> in <#1000000000000000097>", "a group in a channel"),
        ("at <t:1700000000:R>, <t:1700000000>", "at 2023-11-14 22:13 UTC, 2023-11-14 22:13 UTC"),
        ("<t:99999999999999999:F>", "<t:99999999999999999:F>"),
        ("<:wave:77> <a:party:78>", ":wave: :party:"),
        ("try </profile set:1000000000000000096> <id:guide>", "try /profile set Server Guide"),
        ("<@{bot}>: add lunch", "add lunch"),
        ("<@!{bot}>, add lunch", "add lunch"),
        ("<@{bot}> - add lunch", "add lunch"),
        ("<@{bot}> -5 degrees", "-5 degrees"),
        ("hey <@{bot}>, add <b> lunch", "hey, add <b> lunch"),
        ("thanks <@{bot}>!", "thanks!"),
    ],
)
async def test_ids_and_moments_become_names_and_words(discord: DiscordPlatform, markup: str, text: str) -> None:
    ben = discord.server.ben
    written = markup.replace("{ben}", ben).replace("{bot}", BOT_ID)
    assert (await discord.asked(written, mentions=[ben])).text == text
    said = await discord.asked(written, channel=discord.server.group, mention=True, mentions=[ben])
    assert said.text == text


async def test_the_ids_of_people_are_kept(discord: DiscordPlatform) -> None:
    ben = discord.server.ben
    said = await discord.asked(f"ask <@{ben}>", channel=discord.server.group, mention=True, mentions=[ben])
    assert [(each.user_id, each.name) for each in said.mentions] == [(ben, "Ben")]


async def test_a_forwarded_message_is_quoted_and_its_files_come_with_it(discord: DiscordPlatform) -> None:
    forwarded = discord.server.forwarded_message(f"lunch <t:1700000000>?\n<@{BOT_ID}>", files={"menu.txt": b"soup"})
    said = await discord.asked("", forwarded=[forwarded])
    assert said.text == "Forwarded message:\n> lunch 2023-11-14 22:13 UTC?\n> @you"
    (menu,) = said.attachments
    assert (menu.name, await asyncio.to_thread(Path(menu.path).read_bytes)) == ("menu.txt", b"soup")


async def test_a_forwarded_mention_is_not_addressed_to_the_bot(discord: DiscordPlatform) -> None:
    forwarded = [discord.server.forwarded_message(f"<@{BOT_ID}> hi")]
    assert not (await discord.asked("", channel=discord.server.group, forwarded=forwarded)).addressed


async def test_a_forwarded_card_of_another_app_is_read(discord: DiscordPlatform) -> None:
    card = {"type": "rich", "title": "Deploy", "description": "done", "fields": [{"name": "env", "value": "prod"}]}
    said = await discord.asked("", forwarded=[discord.server.forwarded_message("", embeds=[card])])
    assert said.text == "Forwarded message:\n> Deploy\n> done\n> env: prod"


async def test_the_message_that_a_person_answers_is_read_with_the_answer(discord: DiscordPlatform) -> None:
    """ "@bot add this", written as a reply to what Ben said: the bot did not hear Ben."""
    server = discord.server
    of_ben = await server.say("lunch at noon?", channel=server.group, user=server.ben)
    said = await discord.asked("add this", channel=server.group, mention=True, reply_to=of_ben)
    await discord.inbox.until(lambda: any(one.reply_to for one in discord.inbox.of(Message)))
    said = next(one for one in discord.inbox.of(Message) if one.reply_to)
    assert said.text == "add this\n\nIn reply to a message from Ben:\n> lunch at noon?"
    of_bot = (await discord.adapter.send(said.conversation, Reply("Done."), key="k1")).message_ids[0]
    await server.say("thanks", channel=server.group, reply_to=of_bot)
    await discord.inbox.until(lambda: any(one.text == "thanks" for one in discord.inbox.of(Message)))


async def test_emoji_of_the_server_and_only_on_the_bots_messages(discord: DiscordPlatform) -> None:
    server = discord.server
    said = await discord.asked(channel=server.group, mention=True)
    receipt = await discord.adapter.send(said.conversation, Reply("hello"), key="k1")
    await server.react(said.message_id, "👍", on=True)
    await server.react(receipt.message_ids[0], "👍", on=True, user=BOT_ID)
    await server.react(receipt.message_ids[0], "party:41771983429993937", on=True)
    await server.react(receipt.message_ids[0], "👍🏽", on=True)
    reactions = await discord.inbox.wait(Reaction, 2)
    assert [each.emoji for each in reactions] == ["party:41771983429993937", "👍🏽"]


async def test_a_preview_that_appears_is_no_edit(discord: DiscordPlatform) -> None:
    server = discord.server
    message_id = await server.say("see https://example.com")
    await discord.inbox.wait(Message)
    _, message = server._find(message_id)  # pyright: ignore[reportPrivateUsage]
    message["embeds"] = [{"type": "link", "title": "Example"}]
    shown = {key: value for key, value in message.items() if not key.startswith("_")}
    await server.gateway.unchecked("MESSAGE_UPDATE", shown)
    await discord.asked("next")
    assert discord.inbox.of(Edit) == []


async def test_a_file_that_is_too_large_is_named_and_not_fetched(server: DiscordServer, tmp_path: Path) -> None:
    discord = DiscordPlatform(server, tmp_path, max_file_bytes=10)
    await discord.open()
    said = await discord.asked("look", files={"big.txt": b"x" * 11})
    assert said.attachments[0].path == ""
    assert "larger than" in said.attachments[0].problem
    await discord.running.stop()


# ── malformed payloads ────────────────────────────────────────────────────────────────────────────────────────────────

_USER = {"id": "1000000000000000011", "username": "ana", "discriminator": "0", "avatar": None}
_SAID = {
    "id": "1200000000000000000",
    "channel_id": "1000000000000001011",
    "author": _USER,
    "content": "hi <@1000000000000000012> <t:1700000000:R>",
    "mentions": [_USER],
    "message_snapshots": [
        {
            "message": {
                "content": "forwarded <#1>",
                "mentions": [_USER],
                "attachments": [{"id": "1", "filename": "a", "size": 3, "url": "http://127.0.0.1:9/x"}],
                "embeds": [{"type": "rich", "title": "t", "fields": [{"name": "a", "value": "b"}]}],
            }
        }
    ],
    "referenced_message": {"author": _USER | {"id": "1000000000000000013"}, "content": "", "embeds": [{"title": "x"}]},
    "attachments": [{"id": "1", "filename": "a", "size": 3, "url": "http://127.0.0.1:9/x", "proxy_url": "x"}],
    "type": 0,
    "flags": 0,
    "message_reference": {"message_id": "1200000000000000001"},
    "edited_timestamp": "2026-01-01T00:00:00+00:00",
}
_REACTED = {
    "user_id": "1000000000000000011",
    "channel_id": "1000000000000001011",
    "message_id": "1200000000000000000",
    "emoji": {"id": None, "name": "👍"},
    "burst": False,
    "type": 0,
}
_VALID: dict[str, dict[str, Any]] = {
    "MESSAGE_CREATE": _SAID,
    "MESSAGE_UPDATE": _SAID,
    "MESSAGE_REACTION_ADD": _REACTED,
    "MESSAGE_REACTION_REMOVE": _REACTED,
    "INTERACTION_CREATE": {
        "id": "1200000000000000000",
        "application_id": "1000000000000000001",
        "type": 3,
        "token": "t",
        "data": {"custom_id": "x", "component_type": 2},
        "channel_id": "1000000000000001011",
        "channel": {"id": "1000000000000001011", "type": 1},
        "user": _USER,
        "message": {"id": "1", "flags": 0, "components": [{"type": 1, "components": [{"type": 2}]}]},
    },
    "GUILD_CREATE": {"id": "5", "name": "x", "channels": [{"id": "6", "type": 0, "name": "c", "position": 0}]},
    "CHANNEL_UPDATE": {"id": "1000000000000000200", "type": 0, "guild_id": "1000000000000000100", "position": 1},
}


REAL = [{kind: payload} for kind, payload in _VALID.items()]


@settings(max_examples=20, deadline=None)
@given(events=st.lists(mutated(REAL) | st.dictionaries(st.sampled_from(sorted(_VALID)), JSON), max_size=25))
async def test_no_payload_ends_the_bot(events: list[dict[str, Any]]) -> None:
    """The malformed events come over the wire, and a valid message follows."""
    server = DiscordServer()
    await server.start()
    with tempfile.TemporaryDirectory() as folder:
        discord = DiscordPlatform(server, Path(folder))
        await discord.open()
        try:
            for kind, payload in (each for event in events for each in event.items()):
                await server.gateway.unchecked(kind, payload)
            await server.say("still there?", user=server.ben)
            await discord.inbox.until(lambda: any(each.text == "still there?" for each in discord.inbox.of(Message)))
        finally:
            await discord.running.stop()
            await server.stop()


async def test_an_edit_of_nothing_is_an_error(discord: DiscordPlatform) -> None:
    said = await discord.asked()
    for message_id in ("no number", "99999"):
        with pytest.raises(AdapterError):
            await discord.adapter.edit(said.conversation, message_id, Reply("x"))


async def test_a_draft_that_a_dead_process_left_unnoted_becomes_the_reply(discord: DiscordPlatform) -> None:
    """The store knows of no draft, but Discord has a message with its nonce."""
    said = await discord.asked()
    key = f"discord:{said.event_id}"
    await discord.adapter.draft(said.conversation, "You have", key=key)
    await discord.running.stop()
    discord.store = MemoryRecords()
    await discord.reborn()
    await discord.adapter.send(said.conversation, Reply("You have lunch at noon."), key=key)
    assert [one.text for one in discord.server.shown()] == ["You have lunch at noon."]


async def test_another_persons_press_is_refused_to_them_alone_and_the_button_stays(discord: DiscordPlatform) -> None:
    """In a group, everybody sees my Undo: what they press must neither work nor look as if it had."""
    await discord.still_open(await discord.refused())


async def test_where_a_forgotten_person_talked_with_the_bot_alone_is_not_in_the_record(
    discord: DiscordPlatform,
) -> None:
    """The id of a direct conversation is as good as the person's own."""
    await discord.asked()
    said = await discord.asked()  # the first message is noted before this one is taken
    channel, user = said.conversation.channel, said.sender.user_id
    assert isinstance(discord.adapter, Remembers)
    assert [kept["channel"] for kept in await discord.adapter.export(user)] == [channel]
    assert channel in str(await discord.store.items())
    assert await discord.adapter.forget(user) == 1
    assert channel not in str(await discord.store.items())
    assert await discord.adapter.export(user) == []


async def test_the_bot_puts_an_emoji_on_a_message(discord: DiscordPlatform) -> None:
    said = await discord.server.say("thanks", channel=discord.server.group)
    (heard,) = await discord.inbox.wait(Message, 1)
    assert isinstance(discord.adapter, Reacts)
    await discord.adapter.add_reaction(heard.conversation, heard.message_id, "👍")
    assert discord.server.bot_reactions == [(said, "👍")]
    with pytest.raises(AdapterError):
        await discord.adapter.add_reaction(heard.conversation, "1", "👍")


async def test_a_file_is_given_with_a_slash_command(server: DiscordServer, tmp_path: Path) -> None:
    """The option of type 11 is only in the menu of commands that take files."""
    commands = {"learn": "teach me", "help": "what I can do"}
    platform = DiscordPlatform(server, tmp_path, file_commands=lambda: frozenset({"learn"}), max_file_bytes=100)
    platform.commands = commands
    await platform.open()
    await server.command("learn", file=("rules.txt", b"Dogs may come on Fridays."))
    await server.command("learn", "for everyone", file=("long.txt", b"x" * 200))
    given, too_large = await platform.inbox.wait(Command, 2)
    (rules,) = given.attachments
    assert (given.name, given.arguments, rules.name) == ("learn", "", "rules.txt")
    assert await asyncio.to_thread(Path(rules.path).read_bytes) == b"Dogs may come on Fridays."
    assert (too_large.arguments, too_large.attachments[0].path) == ("for everyone", "")
    assert "larger than" in too_large.attachments[0].problem
    options = {each["name"]: [option["type"] for option in each["options"]] for each in server.commands}
    assert options == {"learn": [3, 11], "help": [3]}
    await platform.running.stop()

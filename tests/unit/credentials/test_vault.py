"""Credentials. What breaks without this: a password reaches a model, a log or somebody else, or outlives its person."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from structlog.testing import capture_logs

from llmagent_os.adapter_kit.pages import PageRequest
from llmagent_os.agent import Agent
from llmagent_os.chat import ToolCall
from llmagent_os.credentials.typed_secret import take_secret
from llmagent_os.credentials.vault import RECORDS, Vault
from llmagent_os.errors import PluginError
from llmagent_os.events import ButtonPress, Command, Conversation, Edit, Event, Message, Sender, Timer
from llmagent_os.host.host import Host
from llmagent_os.identity import Identity
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugin import Credential, CredentialError, OAuthServer, Plugin, ToolContext, ToolResult, tool
from llmagent_os.privacy.event_masking import mask_event
from llmagent_os.privacy.secret_store import SecretStore
from llmagent_os.privacy.stores import DataSubject
from llmagent_os.reply.plugin_pages import PluginPages
from llmagent_os.reply.services import Services
from llmagent_os.testing import MemoryAdapter, ScriptedLLM, running
from llmagent_os.tools.registry import Plugins
from tests.unit.agent_bench import NOON, Bench, no_draft
from tests.unit.credentials.oauth_server import OAuthTwin, running_oauth

SECRET = "hunter2-correct-horse"
ANA, ROOM = Identity("memory::u1"), Conversation(platform="memory", channel="c1")
GROUP = Conversation(platform="memory", channel="g1", kind="group")


class Mailbox(Plugin):
    """Reads mail with a token, and files with a sign-in."""

    name = "post"
    commands = {"inbox": "what is new"}  # noqa: RUF012
    credentials = (
        Credential(
            name="mail", kind="token", title="your mailbox", about="I read your mail with it.", pattern=r"hunter\d.*"
        ),
    )

    def __init__(self) -> None:
        self.seen: list[str] = []

    @tool(credentials=("mail",))
    async def read_mail(self, context: ToolContext) -> ToolResult:
        """Read the mail."""
        mail = context.credentials["mail"]
        self.seen.append(mail.secret)
        return ToolResult({"status": "read", "seen": [f"key={mail.secret}"]}, f"Signed in by {mail.secret}: {mail!r}.")

    @tool()
    async def weigh(self, context: ToolContext) -> ToolResult:
        """Weigh a parcel: it needs no credential, so it has none."""
        return ToolResult({"status": "weighed"}, f"It has {len(context.credentials)} keys.")

    @tool(credentials=("mail",))
    async def send_all(self, context: ToolContext) -> ToolResult:
        """Fail with the secret in the error."""
        raise RuntimeError(f"GET /?key={context.credentials['mail'].secret}")

    @tool(credentials=("mail",))
    async def be_refused(self, context: ToolContext) -> ToolResult:
        """Be refused by the other side."""
        raise CredentialError("mail", why="the server does not know the token")


@dataclass
class Desk:
    """An agent whose tools sign in elsewhere."""

    bench: Bench
    vault: Vault
    plugins: Plugins
    mailbox: Mailbox = field(default_factory=Mailbox)
    number: int = 0

    def services(self) -> Services:
        return Services(
            clock=lambda: NOON,
            ledger=self.bench.ledger,
            profiles=Profiles(self.bench.folder / "profiles"),
            plugins=self.plugins,
            vault=self.vault,
        )

    def agent(self, *script: str | ToolCall) -> Agent:
        return Agent(llm=ScriptedLLM(*script), services=self.services())

    def typed(self, arguments: str, *, room: Conversation = ROOM, message_id: str = "m", user: str = "u1") -> Command:
        self.number += 1
        common = {"event_id": f"c{self.number}", "conversation": room, "sender": Sender(user)}
        return Command(name="credentials", arguments=arguments, message_id=message_id, **common)  # type: ignore[arg-type]

    async def give(self, arguments: str, *, room: Conversation = ROOM, message_id: str = "m", user: str = "u1") -> str:
        """Type a command as the host takes it: what it stores of it, and the reply, never hold the secret."""
        event = await take_secret(self.vault, self.typed(arguments, room=room, message_id=message_id, user=user))
        assert SECRET not in repr(await mask_event(event))
        return await self.handled(event)

    async def press(self, value: str) -> str:
        self.number += 1
        press = ButtonPress(
            event_id=f"p{self.number}", conversation=ROOM, sender=Sender("u1"), message_id="m", value=value
        )
        return await self.handled(press)

    async def handled(self, event: Event) -> str:
        outcome = await self.agent().handle(event, no_draft)
        assert outcome.reply is not None
        assert SECRET not in repr(outcome)
        assert outcome.interaction is None, "the ledger keeps nothing of it"
        return outcome.reply.text

    async def call(self, agent: Agent) -> tuple[str, list[str]]:
        """What the person reads of a tool call, and the values of the buttons."""
        text, kept = await self.bench.say(agent, "read my mail")
        return text, [button[1] for button in kept.context.get("buttons", [])]


@pytest.fixture
async def desk(bench: Bench) -> AsyncIterator[Desk]:
    vault = Vault(
        bench.folder / "secrets",
        records=bench.ledger.records,
        accounts=bench.ledger.identities.everyone,
        allow_private=True,
        clock=lambda: NOON,
    )
    async with Plugins(installed=(), records=bench.ledger.records, vault=vault) as plugins:
        desk = Desk(bench, vault, plugins)
        await plugins.add(desk.mailbox)
        yield desk


async def test_a_token_is_given_used_shown_to_nobody_and_removed(desk: Desk) -> None:
    asked, buttons = await desk.call(desk.agent(ToolCall("read_mail", {}), "unused"))
    assert asked == (
        "For that I need to sign in to your mailbox. I read your mail with it. Please begin with /credentials add mail."
    )
    assert buttons == ["agent:credentials:give:post.mail"]
    assert "`/credentials add mail TOKEN`" in await desk.press(buttons[0])
    assert "not kept" in await desk.give("add mail wrong-looking")
    assert (await desk.give(f"add mail {SECRET}")).startswith("Thank you: I can sign in to your mailbox now.")
    assert "given on 22 Nov 2026" in await desk.give("")
    agent = desk.agent(ToolCall("read_mail", {}), "It is done.")
    _, kept = await desk.bench.say(agent, "read my mail")
    assert desk.mailbox.seen == [SECRET]
    assert kept.tool_calls[0]["result"]["seen"] == ["key=•••"]
    assert SECRET not in repr(kept)
    text, _ = await desk.call(desk.agent(ToolCall("weigh", {}), ""))
    assert text == "It has 0 keys.", "a tool gets what it names"
    await desk.give("remove mail")
    assert "you have given none" in await desk.give("")


async def test_what_other_people_read_is_not_kept(desk: Desk) -> None:
    assert "Others can read this chat" in await desk.give(f"add mail {SECRET}", room=GROUP)
    assert await desk.vault.read("post", "mail", ANA) is None
    assert "in a private conversation" in await desk.give("add mail", room=GROUP)
    shown_to_nobody = await desk.give(f"add mail {SECRET}", room=GROUP, message_id="")
    assert shown_to_nobody.startswith("Thank you"), "Slack's and Discord's slash commands are no messages"
    assert await desk.vault.read("post", "mail", Identity("memory::u2")) is None


@pytest.mark.parametrize("name", ["mail", "post.mail", "MAIL", "nothing"])
async def test_names_are_found_or_listed(desk: Desk, name: str) -> None:
    said = await desk.give(f"add {name}")
    assert ("There are: `post.mail`" in said) == (name == "nothing")


async def test_an_error_and_the_log_do_not_hold_the_secret(desk: Desk) -> None:
    await desk.give(f"add mail {SECRET}")
    with capture_logs() as logs:
        await desk.call(desk.agent(ToolCall("send_all", {}), "unused"))
    (health,) = [each for each in desk.plugins.health() if each.name == "post"]
    assert "key=•••" in health.problem
    logged = repr(logs)
    assert "plugin failed" in logged
    assert SECRET not in logged + health.problem


async def test_a_refused_token_is_asked_for_anew_and_not_used_again(desk: Desk) -> None:
    await desk.give(f"add mail {SECRET}")
    said, buttons = await desk.call(desk.agent(ToolCall("be_refused", {}), "unused"))
    assert said.startswith("I am no longer let in to your mailbox: the server does not know the token.")
    assert buttons == ["agent:credentials:give:post.mail"]
    await desk.call(desk.agent(ToolCall("read_mail", {}), "unused"))
    assert desk.mailbox.seen == []
    assert next(each for each in desk.plugins.health() if each.name == "post").failures == 0
    await desk.give(f"add mail {SECRET}")
    await desk.call(desk.agent(ToolCall("read_mail", {}), "unused"))
    assert desk.mailbox.seen == [SECRET]


async def test_an_export_says_only_that_there_is_one_and_forgetting_destroys_it(desk: Desk) -> None:
    await desk.give(f"add mail {SECRET}")
    store, subject = SecretStore(desk.bench.folder), DataSubject.of([ANA])
    assert await store.export(subject) == {"secrets": [{"name": "post.mail", "value": "(not shown)"}]}
    assert await store.erase(subject) == 1
    assert await desk.vault.read("post", "mail", ANA) is None


class DeletingAdapter(MemoryAdapter):
    """A platform that takes messages out of the chat."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.deleted: list[str] = []

    async def delete_message(self, conversation: Conversation, message_id: str) -> None:
        self.deleted.append(message_id)


async def test_the_host_stores_no_secret_and_deletes_the_message(desk: Desk) -> None:
    platform = DeletingAdapter("memory")
    host = Host(desk.agent(), desk.bench.ledger, [platform], take_secret=partial(take_secret, desk.vault))
    said = Message(
        event_id="e1", conversation=ROOM, sender=Sender("u1"), text=f"/credentials add mail {SECRET}", message_id="m1"
    )
    async with running(host):
        await platform.deliver(said)
        (sent,) = await platform.sent(1)
    assert sent.reply.text.startswith("Thank you")
    assert platform.deleted == ["m1"]
    edit = Edit(event_id="e2", conversation=ROOM, sender=Sender("u1"), message_id="m1", text=said.text)
    assert SECRET not in repr(await mask_event(edit))
    files = [path for path in desk.bench.folder.rglob("*") if path.is_file() and "secrets" not in path.parts]
    assert files
    assert not any(SECRET.encode() in path.read_bytes() for path in files)


# -- OAuth 2.0 over real sockets --------------------------------------------------------------------------------------


@pytest.fixture
async def oauth() -> AsyncIterator[OAuthTwin]:
    async with running_oauth() as twin:
        yield twin


def files_plugin(oauth: OAuthTwin, *, device: bool = False) -> Plugin:
    server = OAuthServer(
        token_url=f"{oauth.url}/token",
        client_id="bot",
        authorize_url="" if device else "https://sign-in.example/authorize",
        device_url=f"{oauth.url}/device_code" if device else "",
        scopes=("files.read",),
    )

    class FilesPlugin(Plugin):
        """Reads files elsewhere."""

        name = "files"
        credentials = (Credential(name="drive", kind="oauth2", title="your files", server=server),)

        @tool(credentials=("drive",))
        async def list_files(self, context: ToolContext) -> ToolResult:
            """List files."""
            return ToolResult({"status": "listed"}, f"{len(context.credentials['drive'].secret)} characters.")

    return FilesPlugin()


async def test_a_sign_in_by_code_comes_back_once_and_proves_who_began_it(desk: Desk, oauth: OAuthTwin) -> None:
    await desk.plugins.add(files_plugin(oauth))
    desk.vault.public_url = "https://bot.example"
    pages = PluginPages(
        plugins=desk.plugins,
        ledger=desk.bench.ledger,
        profiles=Profiles(desk.bench.folder / "profiles"),
        time_zone="UTC",
        vault=desk.vault,
    )
    own = (await desk.give("add drive")).splitlines()[1]
    token = own.removeprefix("https://bot.example/pages/credentials/")
    first = await pages.answer("credentials", PageRequest(method="GET", path=token))
    assert first is not None
    assert b"memory::u1" in first.body, "whoever was sent the page sees for whom it is"
    cookie = first.headers["Set-Cookie"]
    assert "HttpOnly; SameSite=Lax; Secure" in cookie
    link = re.search('href="([^"]+)"', html.unescape(first.body.decode()))
    assert link is not None
    address = link[1]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["redirect_uri"] == "https://bot.example/pages/credentials/oauth"
    assert (asked["code_challenge_method"], asked["scope"]) == ("S256", "files.read")
    back = PageRequest(
        method="GET", path="oauth", query={"code": oauth.issue(asked["code_challenge"]), "state": asked["state"]}
    )
    made_up = PageRequest(method="GET", path="oauth", query={"code": "code-1", "state": "x" * 43})
    assert await pages.answer("credentials", made_up) is None
    elsewhere = await pages.answer("credentials", back)
    assert elsewhere is not None
    assert elsewhere.status == 403, "a person who was sent the server's page gives the tokens to nobody else"
    back = msgspec.structs.replace(back, headers={"cookie": cookie.partition(";")[0]})
    page = await pages.answer("credentials", back)
    assert page is not None
    assert page.status == 200, page.body
    assert await pages.answer("credentials", back) is None
    stored = await desk.vault.read("files", "drive", ANA)
    assert stored is not None
    assert (stored.secret, stored.refresh) == ("access-1", "refresh-1")
    timer = Timer(event_id="t", conversation=ROOM, sender=Sender("u1"), plugin=RECORDS, key="files.drive")
    assert "If that was not you, write `/credentials remove files.drive`" in await desk.handled(timer)
    kept = (await desk.bench.ledger.export(ANA))["timers"]
    assert [(each["plugin"], each["key"]) for each in kept] == [(RECORDS, "files.drive")]


async def test_a_sign_in_on_a_second_device(desk: Desk, oauth: OAuthTwin) -> None:
    await desk.plugins.add(files_plugin(oauth, device=True))
    assert "type the code WDJB-MJHT" in await desk.give("add drive")
    assert (await desk.press("agent:credentials:done:files.drive")).startswith("You have not signed in yet.")
    oauth.signed_in = True
    assert (await desk.press("agent:credentials:done:files.drive")).startswith("Thank you")
    assert "no longer open" in await desk.press("agent:credentials:done:files.drive")


async def test_calls_at_the_same_time_renew_a_token_once(desk: Desk, oauth: OAuthTwin) -> None:
    """The server takes a refresh token once: a second renewal would end the sign-in."""
    await desk.plugins.add(files_plugin(oauth, device=True))
    oauth.signed_in = True
    await desk.give("add drive")
    await desk.press("agent:credentials:done:files.drive")
    credential = desk.plugins.credential("files", "drive")
    assert credential is not None
    now: datetime = NOON + timedelta(hours=2)
    desk.vault.clock = lambda: now
    given = await asyncio.gather(*[desk.vault.usable("files", credential, ANA) for _ in range(8)])
    assert {each.secret for each in given} == {"access-2"}
    assert oauth.renewals == 1

    desk.vault.clock = lambda: now + timedelta(hours=2)
    oauth.failing = True
    with pytest.raises(CredentialError) as away:
        await desk.vault.usable("files", credential, ANA)
    assert away.value.lack == "unreachable"
    oauth.failing = False
    async with running_oauth() as other:
        other.refresh_tokens, oauth.leads_to = oauth.refresh_tokens, f"{other.url}/token"
        with pytest.raises(CredentialError, match="unreachable"):
            await desk.vault.usable("files", credential, ANA)
        assert other.renewals == 0, "the secret of a renewal is for one server"
    oauth.leads_to = ""
    oauth.refresh_tokens.clear()  # the person has ended it there
    said, buttons = await desk.call(desk.agent(ToolCall("list_files", {}), "unused"))
    assert said.startswith("I am no longer let in to your files: the sign-in is not valid any more.")
    assert buttons == ["agent:credentials:give:files.drive"]


@pytest.mark.parametrize(
    ("credential", "problem"),
    [
        (Credential(name="Mail!", kind="token", title="x"), "needs a name like 'mail'"),
        (Credential(name="mail", kind="oauth2", title="x"), "needs a `server`"),
        (Credential(name="mail", kind="token", title="x", pattern="("), "cannot be read"),
    ],
)
async def test_a_wrong_declaration_is_found_when_the_plugin_is_loaded(
    desk: Desk, credential: Credential, problem: str
) -> None:
    class Wrong(Plugin):
        """Declares it wrongly."""

        name = "wrong"
        credentials = (credential,)

    with pytest.raises(PluginError, match=problem):
        await desk.plugins.add(Wrong())

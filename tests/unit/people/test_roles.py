"""Who may decide, and what is noted of it. What breaks without this: nobody knows who let a stranger in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from llmagent_os.adapter import Button, Reply
from llmagent_os.admin import audit_command, people_command
from llmagent_os.agent import Agent
from llmagent_os.chat import ToolCall
from llmagent_os.config import Settings
from llmagent_os.errors import LedgerError
from llmagent_os.events import Command, Conversation, Message, Sender, now
from llmagent_os.identity import Identity, parts_of
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.audit_log import AuditEntry
from llmagent_os.ledger.database import Database
from llmagent_os.people.access import Access
from llmagent_os.people.admission import Admission
from llmagent_os.people.profiles import Profiles
from llmagent_os.people.roles import Roles
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool
from llmagent_os.reply.services import Services
from llmagent_os.testing import ScriptedLLM
from llmagent_os.tools.registry import Plugins

OWNER, ADMIN, LOCAL = Identity("slack:T1:own"), Identity("slack:T1:adm"), Identity("slack:T2:loc")


class Shredder(Plugin):
    """Asks before it destroys something."""

    name = "shredder"

    @tool()
    async def shred(self, context: ToolContext) -> ToolResult:
        """Destroy everything."""
        danger = Button("Yes, shred it", "yes", "danger")
        return ToolResult({"status": "confirm"}, "Shred it?", buttons=(danger, Button("No", "no")), word_for_word=True)

    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        return ToolResult({"status": "shredded" if value == "yes" else "kept"}, "Done.", word_for_word=True)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db", synchronous="NORMAL")
    yield ledger
    await ledger.close()


class Place:
    """An agent with roles."""

    def __init__(self, ledger: Ledger, tmp_path: Path, plugins: Plugins | None = None) -> None:
        self.ledger = ledger
        self.access = Access(ledger, access="pairing", owners=OWNER, admins=f"{ADMIN},{LOCAL}@slack:T2")
        services = Services(
            ledger=ledger, profiles=Profiles(tmp_path / "profiles"), access=self.access, plugins=plugins
        )
        agent = Agent(llm=ScriptedLLM(ToolCall("shred", {})), services=services)
        self.handler = Admission(agent, self.access)
        self.count = 0

    def where(self, who: Identity) -> tuple[Conversation, Sender, str]:
        self.count += 1
        platform, workspace, own_id = parts_of(who)
        return Conversation(platform=platform, workspace=workspace, channel=own_id), Sender(own_id), str(self.count)

    async def command(self, who: Identity, name: str, arguments: str = "") -> str:
        room, sender, number = self.where(who)
        event = Command(event_id=number, conversation=room, sender=sender, name=name, arguments=arguments)
        return _text((await self.handler.handle(event, _no_draft)).reply)

    async def say(self, who: Identity, text: str) -> str:
        room, sender, number = self.where(who)
        event = Message(event_id=number, conversation=room, sender=sender, text=text, message_id=number)
        await self.ledger.accept(event, max_pending=9)
        outcome = await self.handler.handle(event, _no_draft)
        await self.ledger.prepare(event, outcome.reply, outcome.interaction)
        return _text(outcome.reply)

    async def code(self, who: Identity) -> str:
        await self.say(who, "hello")
        return next(each.code for each in await self.access.requests() if each.identity == who)

    async def noted(self) -> list[tuple[str, str, str, str, str]]:
        latest = await self.ledger.audit.latest(50)
        return [(each.actor, each.role, each.action, each.subject, each.detail) for each in reversed(latest)]


def _text(reply: Reply | None) -> str:
    assert reply is not None
    return reply.text


def _execute(statement: sa.TextClause, database: Database) -> None:
    database.sql.execute(statement)


async def _no_draft(text: str) -> None: ...


async def test_an_admin_of_one_workspace_decides_about_its_people_only(ledger: Ledger, tmp_path: Path) -> None:
    place = Place(ledger, tmp_path)
    theirs, others = Identity("slack:T2:new"), Identity("slack:T1:new")
    code = await place.code(others)
    assert await place.command(LOCAL, "approve", code) == (
        "That person belongs to another workspace than the one that you are an admin of."
    )
    assert (await place.command(LOCAL, "approve", await place.code(theirs))).startswith("Let in: ")
    assert (await place.command(ADMIN, "approve", code)).startswith("Let in: ")
    assert "another workspace" in await place.command(LOCAL, "revoke", others)
    assert (await place.command(OWNER, "revoke", others)).startswith("No longer let in")
    assert await place.noted() == [
        (LOCAL, "admin", "let in", theirs, "by code"),
        (ADMIN, "admin", "let in", others, "by code"),
        (OWNER, "owner", "revoked", others, ""),
    ]


async def test_only_owners_read_the_log(ledger: Ledger, tmp_path: Path) -> None:
    place = Place(ledger, tmp_path)
    await place.access.allow_identity(Identity("slack:T1:new"), OWNER)
    assert "Only owners can read that" in await place.command(ADMIN, "audit")
    assert "slack:T1:own (owner): let in slack:T1:new (by name)" in await place.command(OWNER, "audit")
    assert "Only admins can do that" in await place.command(Identity("slack:T1:new"), "audit")


async def test_without_owners_an_admin_of_one_workspace_reads_what_was_done_there(
    ledger: Ledger, tmp_path: Path
) -> None:
    place = Place(ledger, tmp_path)
    place.access.roles = Roles(admins=f"{ADMIN},{LOCAL}@slack:T2")
    for new in ("slack:T1:new", "slack:T2:new", "slack:T23:new", "slack:t2:new"):
        await place.access.allow_identity(Identity(new), ADMIN)
    await place.access.note(ADMIN, "taught everybody")
    await place.access.note(LOCAL, "taught everybody")
    read = [line.partition(": ")[2] for line in (await place.command(LOCAL, "audit")).splitlines()]
    assert read == ["taught everybody", "let in slack:T2:new (by name)"]
    assert len((await place.command(ADMIN, "audit")).splitlines()) == 6


async def test_the_role_that_is_noted_is_the_one_in_the_workspace_of_the_subject(
    ledger: Ledger, tmp_path: Path
) -> None:
    place = Place(ledger, tmp_path)
    remote = Identity("telegram::7")
    place.access.roles = Roles(admins=f"{remote}@slack:T2")
    new = (await place.access.allow_identity(Identity("slack:T2:new"), remote)).identity
    await place.access.revoke(new, remote)
    assert [each[:3] for each in await place.noted()] == [(remote, "admin", "let in"), (remote, "admin", "revoked")]


async def test_a_yes_to_a_dangerous_question_is_noted_and_a_no_is_not(ledger: Ledger, tmp_path: Path) -> None:
    async with Plugins(installed=()) as plugins:
        await plugins.add(Shredder())
        place = Place(ledger, tmp_path, plugins)
        for answer in ("No", "Yes, shred it"):
            assert await place.say(OWNER, "shred it all") == "Shred it?"
            assert await place.say(OWNER, answer) == "Done."
    assert await place.noted() == [(OWNER, "owner", "approved a plugin's question", "", "shredder: shredded")]


async def test_the_command_line_is_noted_and_listed(tmp_path: Path) -> None:
    settings = Settings.load(env_file=None, data=tmp_path)
    assert await audit_command.listing(settings, 10) == "Nothing was done yet."
    await people_command.allow(settings, "slack:T1:new")
    await people_command.revoke(settings, "slack:T1:new")
    lines = (await audit_command.listing(settings, 10)).splitlines()
    assert [line.partition("  ")[2] for line in lines] == [
        "command line: let in slack:T1:new (by name)",
        "command line: revoked slack:T1:new",
    ]


async def test_entries_cannot_be_deleted_or_changed_also_in_memory(tmp_path: Path) -> None:
    for url in ("sqlite://", f"sqlite:///{tmp_path}/other.db"):
        ledger = await Ledger.open(url)
        await ledger.audit.add(AuditEntry(at=now(), actor=OWNER, role="owner", action="let in", subject="slack:T1:new"))
        for statement in (
            "DELETE FROM audit",
            "UPDATE audit SET action = 'nothing'",
            "UPDATE audit SET at = 0",
            "UPDATE audit SET actor = 'slack:T1:somebody-else'",
        ):
            with pytest.raises(LedgerError, match="only added to"):
                await ledger.usage.writer.run(partial(_execute, sa.text(statement)))
        assert [each.actor for each in await ledger.audit.latest(9)] == [OWNER]
        await ledger.close()


async def test_an_erasure_leaves_what_was_done_and_not_who(ledger: Ledger, tmp_path: Path) -> None:
    place = Place(ledger, tmp_path)
    await place.access.allow_identity(Identity("slack:T1:new"), ADMIN)
    assert len((await ledger.export(ADMIN))["audit"]) == 1
    await ledger.forget(ADMIN)
    await ledger.forget(Identity("slack:T1:new"))
    ((actor, role, action, subject, _),) = await place.noted()
    assert (actor[0], role, action, subject[0]) == ("~", "admin", "let in", "~")
    assert (await ledger.audit.last_seen([actor]))[actor] > now() - timedelta(minutes=1)


def test_an_account_with_an_at_sign_is_an_admin_everywhere_or_of_the_workspace_that_follows() -> None:
    ana, anywhere = Identity("email::ana@example.org"), Identity("slack:T2:U1")
    assert Roles(admins=ana).role(ana, anywhere) == "admin"
    assert Roles(admins="email::*@example.org").names(ana)
    assert not Roles(admins="email::ana@example.org").names(Identity("email::ana"))
    of_one = Roles(admins=f"{ana}@slack:T1")
    assert (of_one.role(ana, Identity("slack:T1:U1")), of_one.role(ana, anywhere)) == ("admin", "member")


def test_a_linked_account_has_no_role_and_a_pattern_may_name_a_workspace() -> None:
    roles = Roles(admins="slack:T1:*@slack:T1")
    assert roles.role(Identity("slack:T1:U9")) == "admin"
    assert roles.role(Identity("slack:T1:U9"), Identity("slack:T2:U1")) == "member"
    assert roles.role(Identity("telegram::9")) == "member"

"""Calls plugins for an exchange: tools, buttons, timers and slash commands."""

from __future__ import annotations

import msgspec
import structlog

from llmagent_os.adapter import Reply
from llmagent_os.adapter_kit.outgoing_files import OutgoingFiles
from llmagent_os.adapter_kit.person_secrets import PersonSecrets
from llmagent_os.chat import ToolCall
from llmagent_os.errors import ConfigError, PluginError, ProfileError
from llmagent_os.events import Event, Message
from llmagent_os.handler import Outcome, note_work
from llmagent_os.identity import person_kept_under
from llmagent_os.languages import gettext, translated
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.people.profiles import Profile
from llmagent_os.people.time_zones import zone_or
from llmagent_os.plugin import ASKED_EFFECTS, ToolContext, ToolResult
from llmagent_os.privacy.consent import SWITCHES, is_withdrawal
from llmagent_os.records import MemoryRecords
from llmagent_os.reply.action_gate import at_gate
from llmagent_os.reply.approvals import note_act
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.services import Services
from llmagent_os.tools.result_statuses import FAILED, NOTHING_DONE
from llmagent_os.training.consent_check import take_back_withdrawn

_log = structlog.stdlib.get_logger(__name__)

#: Begins the number of a call that rules read in a message; a model's begins with its round.
BY_RULES = "read."


def could_not() -> ToolResult:
    """The result of a call that failed, in the language in force."""
    said = gettext("Sorry, that did not work just now. Please try again in a moment.")
    return ToolResult({"status": FAILED}, said)


def tool_context(services: Services, exchange: Exchange, call_id: str) -> ToolContext:
    """For whom, where and when a plugin is called, and whether the policy has it ask first.

    Args:
        services: the clock and the settings.
        exchange: what is answered.
        call_id: unique to the call, and the same when the exchange is run again after a crash.
    """
    event, profile = exchange.event, exchange.profile
    zone = zone_or(profile.known_zone, services.settings.time_zone)
    return ToolContext(
        user_id=profile.user_id,
        conversation_key=event.conversation.key,
        call_id=call_id,
        now=services.clock().astimezone(zone),
        time_zone=zone.key,
        text=event.text if isinstance(event, Message) else "",
        initiative="ask_first" if exchange.decision.action.get("initiative") == "ask_first" else "act",
        style=exchange.decision.action,
        question=exchange.episode.question,
        answered_last=_answered_last(services, exchange),
        dimensions=services.behavior.dimensions_on(event.conversation.platform),
        # Under the account, not the person: after an /unlink, /forget must find what was made for this account, and its
        # old links must not lead to what the other account exports later.
        files=OutgoingFiles(services.outgoing, person_kept_under(exchange.identity)),
        secrets=PersonSecrets(services.secrets, person_kept_under(exchange.identity)),
        records=MemoryRecords(),  # the registry puts the plugin's own in its place
        profile=profile,
        event=event,
        web=services.settings.web,
        interface=services.interaction.interface_of(profile.preferences),
        theme=services.interaction.theme_of(profile.preferences),
    )


def _answered_last(services: Services, exchange: Exchange) -> str:
    """The plugin that the last reply came from, by the tool that was called for it, or by its buttons."""
    last = exchange.episode.last_turn
    if last is None or services.plugins is None:
        return ""
    if last.tool_calls:
        return services.plugins.owner_of(str(last.tool_calls[-1].get("name", "")))
    buttons: list[list[str]] = last.context.get("buttons", [])
    return buttons[0][1].partition(":")[0] if buttons else ""


async def call_tool(services: Services, exchange: Exchange, call: ToolCall, number: str) -> ToolResult:
    """Call a tool as the model asked for it. A tool that fails gives a result that says so.

    Args:
        services: the plugins.
        exchange: what is answered.
        call: the tool and its arguments.
        number: round and place of the call in the reply.

    Raises:
        ConfigError: the agent has no plugins.
    """
    if services.plugins is None:
        raise ConfigError(f"the model called {call.name!r}, and this agent has no plugins")
    # The model took its time: the account may have been linked or unlinked since the message came, and an earlier call
    # of the same reply may have changed the profile, and the time zone with it.
    profile = await services.directory.profile_of(exchange.event)
    exchange = msgspec.structs.replace(exchange, profile=profile)
    context = tool_context(services, exchange, f"{exchange.key}:{number}")
    permissions = services.settings.permissions
    note_work(translated(services.plugins.work(call.name)))
    try:
        gated = await at_gate(services, exchange, call, context, by_rules=number.startswith(BY_RULES))
        if gated.held_back is not None:
            return gated.held_back
        result = await services.plugins.call(call.name, call.arguments, gated.context, allowed=permissions)
    except PluginError as error:
        _log.warning("a tool call failed", tool=call.name, error=str(error))
        return could_not()
    await _note_done(services, exchange, call, result, by_standing=gated.by_standing)
    return await keep_profile_changes(services, exchange, result)


async def _note_done(
    services: Services, exchange: Exchange, call: ToolCall, result: ToolResult, *, by_standing: bool
) -> None:
    """Note a destructive or outward call that was made without a question."""
    mark = services.plugins.mark_of(call.name) if services.plugins is not None else None
    status = str(result.data.get("status", "done"))
    effect = result.effect or (mark.effect if mark is not None else "")
    if effect in ASKED_EFFECTS and status not in NOTHING_DONE:
        more = f"{effect} {status}{', always allowed' if by_standing else ''}"
        await note_act(services, exchange.identity, "had done", call.name, more)


async def keep_profile_changes(services: Services, exchange: Exchange, result: ToolResult) -> ToolResult:
    """Write what a plugin learned about the person into their profile. It may turn learning off, too.

    Returns:
        ``result``, with what other plugins have to say of the change.
    """
    changes = result.profile_changes
    if not changes or services.profiles is None:
        return result
    if not exchange.consent.remember and not set(changes) <= set(SWITCHES):
        not_kept = gettext("I keep nothing about you: /privacy changes that.")
        return msgspec.structs.replace(result, text=join_sentences([result.text, not_kept]), waiting=not_kept)
    try:
        changed = await services.profiles.update(exchange.profile.user_id, **changes)
    except ProfileError as error:
        _log.error("a plugin's change of a profile was refused", changes=sorted(changes), error=str(error))
        return result
    if services.loras is not None and is_withdrawal(
        exchange.profile.preferences, changed.preferences, exchange.defaults
    ):
        await take_back_withdrawn(services.directory, services.loras, [exchange.identity])
    said = join_sentences(await follow_profile(services, exchange, changed))
    if not said:
        return result
    waiting = join_sentences([result.waiting, said])
    return msgspec.structs.replace(result, text=join_sentences([result.text, said]), waiting=waiting)


async def follow_profile(services: Services, exchange: Exchange, changed: Profile) -> list[str]:
    """Have the plugins follow a change of the profile that ``exchange`` began with. Returns what they say of it."""
    before = exchange.profile
    if services.plugins is None or changed.time_zone == before.time_zone:
        return []
    context = tool_context(services, msgspec.structs.replace(exchange, profile=changed), f"{exchange.key}:profile")
    return await services.plugins.profile_changed(context, before, before.noticed_zone or services.settings.time_zone)


def private_reply(event: Event, reply: Reply) -> Reply:
    """``reply`` so that others in a group do not see it, unless it asks them something."""
    if event.conversation.kind == "direct" or any(button.open_to_all for button in reply.buttons):
        return reply
    return msgspec.structs.replace(reply, only_for=event.sender.user_id)


def unkept_outcome(services: Services, event: Event, reply: Reply) -> Outcome:
    """The outcome of an exchange that the ledger must keep nothing of. In a group, only the person sees the reply."""
    return Outcome(services.interaction.render(private_reply(event, reply)))


def addressed_reply(exchange: Exchange, result: ToolResult) -> tuple[Exchange, Reply]:
    """What a plugin says, word for word: in a group, for the person alone where it is personal.

    Returns:
        The exchange as it is kept, and the reply. Later prompts of the group, whose answers everybody reads, do not
        hold what the person alone saw: the exchange is kept as if the person had said no words.
    """
    reply = reply_of(result)
    if not result.for_person or exchange.event.conversation.kind == "direct":
        return exchange, reply
    return msgspec.structs.replace(exchange, text=""), private_reply(exchange.event, reply)


def reply_of(result: ToolResult) -> Reply:
    """What a plugin says, word for word."""
    return Reply(
        result.text,
        result.card,
        result.buttons,
        result.files,
        for_everyone=result.for_everyone,
        pictures=result.pictures,
        table=result.table,
    )

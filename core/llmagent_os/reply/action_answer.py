"""Answers the question whether calls are made that a model chose: makes them, once, or leaves them."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import structlog

from llmagent_os.adapter import Reply
from llmagent_os.errors import PluginError
from llmagent_os.events import Event
from llmagent_os.handler import Outcome
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.plugin import ToolResult, joined_results
from llmagent_os.reply.action_gate import ACTION, asked_again, is_changed
from llmagent_os.reply.answer import Answer
from llmagent_os.reply.approvals import note_act
from llmagent_os.reply.exchange import Exchange, decide, open_exchange
from llmagent_os.reply.interaction_record import fixed_outcome, rendered
from llmagent_os.reply.pending_actions import (
    PendingAction,
    PendingActions,
    PendingCall,
    StandingApproval,
    emptied,
    emptied_call,
    result_of,
)
from llmagent_os.reply.plugin_calls import could_not, keep_profile_changes, reply_of, tool_context, unkept_outcome
from llmagent_os.reply.services import Services

_log = structlog.stdlib.get_logger(__name__)

_ANSWERED = lazy_gettext("You have answered that already.")
_OVER = lazy_gettext("That question is no longer open, so I did nothing. Please ask me again.")
_LEFT = lazy_gettext("I did nothing.")


async def answer_action(services: Services, event: Event, value: str, said: str) -> Outcome:
    """Answer a button under a question of the gate.

    Args:
        services: those of the agent.
        event: the press, or a message whose words mean the button.
        value: the button's value. It comes from outside: it may be old, repeated or made up.
        said: the words, or the value that was pressed.
    """
    answer, _, name = value.removeprefix(ACTION).partition(":")
    exchange = await open_exchange(services, event, said, intent="button")
    exchange = await decide(services, exchange, {"intent": "button"})
    if services.ledger is None or services.plugins is None or answer not in ("yes", "no", "always"):
        return await fixed_outcome(services, event, Reply(str(_OVER)), intent="button", said=said)
    actions = PendingActions(services.ledger, exchange.identity)
    action = await actions.question(name)
    if action is None or action.is_over(services.clock()):
        return await fixed_outcome(services, event, Reply(str(_OVER)), intent="button", said=said)
    if action.answered_by not in ("", exchange.key):
        return await fixed_outcome(services, event, Reply(str(_ANSWERED)), intent="button", said=said)
    again = bool(action.answered_by)
    action = msgspec.structs.replace(action, answered_by=exchange.key)
    await actions.change(name, action)  # from here on no other press does it, after a crash too
    if answer == "no":
        await _note_all(services, exchange, "declined", action, again=again)
        await actions.change(name, emptied(action))
        return await fixed_outcome(services, event, Reply(str(_LEFT)), intent="button", said=said)
    if changed := [call for call in action.calls if call.result is None and is_changed(services, call)]:
        _log.warning("what was approved has changed", tools=[call.tool for call in changed])
        result = await _asked_again(services, exchange, action)
        return rendered(services, exchange, reply_of(result), Answer(results=[result]))
    if answer == "always":
        await _let_stand(services, exchange, actions, action)
    await _note_all(services, exchange, "approved", action, again=again)
    results = await _made(services, exchange, actions, name, action)
    result = results[0] if len(results) == 1 else joined_results(results)
    if result.is_secret:  # the ledger would keep the reply
        return unkept_outcome(services, event, reply_of(result))
    return rendered(services, exchange, reply_of(result), Answer(results=[result]))


async def _made(
    services: Services, exchange: Exchange, actions: PendingActions, name: str, action: PendingAction
) -> list[ToolResult]:
    """Make the calls in their order. Those that were made before a crash are not made again."""
    results: list[ToolResult] = []
    calls = list(action.calls)
    for place, call in enumerate(calls):
        result = result_of(call)
        if result is None:
            result = await _make(services, exchange, action, call)
            kept = ToolResult({"status": "done"}, gettext("That was done.")) if result.is_secret else result
            made = msgspec.structs.replace(call, result=msgspec.to_builtins(kept))
            calls[place] = emptied_call(made)
            await actions.change(name, msgspec.structs.replace(action, calls=tuple(calls)))
            more = f"{call.effect} {result.data.get('status', 'done')}"
            await note_act(services, exchange.identity, "had done", call.tool, more)
        results.append(result)
    await actions.change(name, emptied(msgspec.structs.replace(action, calls=tuple(calls))))
    return results


async def _asked_again(services: Services, exchange: Exchange, action: PendingAction) -> ToolResult:
    """Ask anew about the calls that were not made: a tool is not what it was when the person was asked."""
    result = could_not()
    for call in action.calls:
        if call.result is not None:
            continue
        context = replace(tool_context(services, exchange, call.call_id), text=action.text, initiative="act")
        try:
            result = await asked_again(services, exchange, call, context)
        except PluginError as error:
            _log.warning("a call cannot be asked about again", tool=call.tool, error=str(error))
    return result


async def _make(services: Services, exchange: Exchange, action: PendingAction, call: PendingCall) -> ToolResult:
    if services.plugins is None:
        return could_not()
    context = replace(tool_context(services, exchange, call.call_id), text=action.text, initiative="act")
    try:
        result = await services.plugins.call(call.tool, call.arguments, context, allowed=services.settings.permissions)
    except PluginError as error:
        _log.warning("a call that was approved failed", tool=call.tool, error=str(error))
        return could_not()
    return await keep_profile_changes(services, exchange, result)


async def _let_stand(services: Services, exchange: Exchange, actions: PendingActions, action: PendingAction) -> None:
    for call in action.calls:
        if services.settings.approvals.asking(call.tool, call.effect) == "first":
            standing = StandingApproval(effect=call.effect, at=services.clock(), tool_hash=call.tool_hash)
            await actions.allow_always(call.tool, standing)
            await note_act(services, exchange.identity, "always allows", call.tool, call.effect)


async def _note_all(services: Services, exchange: Exchange, what: str, action: PendingAction, *, again: bool) -> None:
    for call in action.calls if not again else ():
        await note_act(services, exchange.identity, what, call.tool, call.effect)

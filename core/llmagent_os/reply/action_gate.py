"""Holds back destructive and outward calls that a model chose, until the person has said yes to exactly these calls."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import msgspec

from llmagent_os.adapter import Button
from llmagent_os.chat import ToolCall
from llmagent_os.errors import PluginError
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.plugin import ToolContext, ToolMark, ToolResult
from llmagent_os.reply.approvals import note_act
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.pending_actions import PendingAction, PendingActions, PendingCall, question_id
from llmagent_os.reply.services import Services
from llmagent_os.tools.button_labels import NO, YES
from llmagent_os.tools.registry import Plugins
from llmagent_os.tools.result_statuses import HELD_BACK

#: Begins the value of the buttons under a question. What was answered and the question's name follow.
ACTION = "agent:action:"

#: Unicode's categories of control and format characters, of separators of lines and paragraphs, and of surrogates.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")

#: What is said where no question can be kept.
_CANNOT_ASK = lazy_gettext(
    "I would have to ask you before I do that, and I cannot keep a question here. I did nothing."
)


class GatedCall(msgspec.Struct, frozen=True):
    """What became of a call at the gate."""

    context: ToolContext  #: with which it is made
    held_back: ToolResult | None = None  #: the question that the person reads in place of its result; None: make it
    by_standing: bool = False  #: the person has let the tool act without asking


async def at_gate(
    services: Services, exchange: Exchange, call: ToolCall, context: ToolContext, *, by_rules: bool
) -> GatedCall:
    """Decide whether a call is made now, or is asked about first.

    Args:
        services: the plugins, the ledger and the bot's settings.
        exchange: what is answered.
        call: the tool and its arguments, as a model or rules gave them.
        context: of the call.
        by_rules: rules read the call in the person's own words: that is a clear command.

    Raises:
        PluginError: there is no such tool, its arguments are wrong, or its plugin cannot say what it would do.
    """
    mark = services.plugins.mark_of(call.name) if services.plugins is not None else None
    if mark is None or by_rules:
        return GatedCall(context)
    asking = services.settings.approvals.asking(call.name, mark.effect)
    if asking == "never" and not mark.asks_itself:
        return GatedCall(context)
    if asking == "first" and await _is_standing(services, exchange, call.name, mark):
        return GatedCall(context, by_standing=True)
    if mark.asks_itself:
        return GatedCall(replace(context, must_ask=True))
    return GatedCall(context, await _question(services, exchange, call, context, mark))


async def _is_standing(services: Services, exchange: Exchange, tool: str, mark: ToolMark) -> bool:
    if services.ledger is None:
        return False
    standing = (await PendingActions(services.ledger, exchange.identity).standing()).get(tool)
    if standing is None or standing.effect != mark.effect or services.plugins is None:
        return False
    return standing.tool_hash in ("", tool_hash(services.plugins, tool))


async def _question(
    services: Services, exchange: Exchange, call: ToolCall, context: ToolContext, mark: ToolMark
) -> ToolResult:
    if services.ledger is None or services.plugins is None:
        return ToolResult({"status": HELD_BACK}, str(_CANNOT_ASK))
    permissions = services.settings.permissions
    words = await services.plugins.proposed(call.name, call.arguments, context, allowed=permissions)
    actions, name = PendingActions(services.ledger, exchange.identity), question_id(exchange.key)
    new = PendingCall(
        tool=call.name,
        arguments=dict(call.arguments),
        call_id=context.call_id,
        effect=mark.effect,
        words=words or listed_arguments(call),
        tool_hash=tool_hash(services.plugins, call.name),
    )
    before = await actions.question(name)
    # Calls of a reply are asked about together. Those that an earlier try of the reply asked about are left out.
    earlier = tuple(each for each in before.calls if _order(each.call_id) < _order(new.call_id)) if before else ()
    action = PendingAction(calls=(*earlier, new), text=context.text, at=services.clock())
    await actions.keep(name, action)
    await note_act(services, exchange.identity, "is asked before", call.name, mark.effect)
    return _asked(services, name, action.calls)


async def asked_again(services: Services, exchange: Exchange, call: PendingCall, context: ToolContext) -> ToolResult:
    """Ask about a call whose tool is another one than when the person was asked.

    Raises:
        PluginError: the tool is not there any more, or does not take the arguments.
    """
    mark = services.plugins.mark_of(call.tool) if services.plugins is not None else None
    if mark is None:
        raise PluginError(f"there is no tool {call.tool!r} any more")
    return await _question(services, exchange, ToolCall(call.tool, call.arguments), context, mark)


def is_changed(services: Services, call: PendingCall) -> bool:
    """Whether the tool of a call is not the one that the person was asked about."""
    return services.plugins is None or call.tool_hash != tool_hash(services.plugins, call.tool)


def tool_hash(plugins: Plugins, name: str) -> str:
    """Name what a tool says of itself; empty: there is no such tool."""
    mark, spec = plugins.mark_of(name), plugins.spec_of(name)
    if mark is None or spec is None:
        return ""
    return sha256(msgspec.json.encode((mark, spec), order="deterministic")).hexdigest()[:16]


def _asked(services: Services, name: str, calls: Sequence[PendingCall]) -> ToolResult:
    may_stand = all(services.settings.approvals.asking(call.tool, call.effect) == "first" for call in calls)
    style = "danger" if any(call.effect == "destructive" for call in calls) else "primary"
    buttons = [Button(str(YES), f"{ACTION}yes:{name}", style), Button(str(NO), f"{ACTION}no:{name}")]
    if may_stand:
        always = "danger" if style == "danger" else "default"  # beside "Yes" it must not look like what to press
        buttons.append(Button(gettext("Yes, and always"), f"{ACTION}always:{name}", always))
    question = gettext("Shall I do this?") if len(calls) == 1 else gettext("Shall I do all of this?")
    text = "\n\n".join([*(call.words for call in calls), question])
    return ToolResult({"status": HELD_BACK, "count": str(len(calls))}, text, buttons=tuple(buttons))


def listed_arguments(call: ToolCall) -> str:
    r"""Say what a call would do where its plugin has no words for it: every argument, to the letter.

    >>> print(listed_arguments(ToolCall("send_mail", {"to": "ana@example.org", "text": "Hi!\nSee you."})))
    I would use “send mail” with this:
    - to: `ana@example.org`
    - text:
    <BLANKLINE>
    ```
    Hi!
    See you.
    ```
    """
    name = call.name.replace("_", " ")
    if not call.arguments:
        return gettext("I would use “{tool}”.", tool=name)
    return "\n".join([gettext("I would use “{tool}” with this:", tool=name), *_lines(call.arguments)])


def _lines(arguments: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, value in arguments.items():
        text = _visible(value if isinstance(value, str) else msgspec.json.encode(value).decode())
        longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
        if "\n" in text or longest or not text.strip():
            fence = "`" * max(3, longest + 1)
            lines += [f"- {name}:", "", fence, text, fence]
        else:
            lines.append(f"- {name}: `{text}`")
    return lines


def _visible(text: str) -> str:
    r"""``text`` with characters that nobody sees, or that move what is seen, written as codes.

    >>> print(_visible("pay\u202eeve\r\u200b!"))
    pay\u202eeve\u000d\u200b!
    """
    return "".join(
        f"\\u{ord(char):04x}" if char not in "\n\t" and unicodedata.category(char) in _UNSEEN else char for char in text
    )


def _order(call_id: str) -> tuple[int, ...]:
    """The round and the place of a call in its reply."""
    return tuple(int(part) for part in call_id.rpartition(":")[2].split(".") if part.isdigit())

"""Finds the tool call that somebody meant by words that the bot misread: that of their next try in the same talk.

People complain ("no, I meant …", Undo, 👎, No) and say again what they want. The first try after a complaint against
which nothing speaks is what they meant, if the first words hold all of it:

    stick gym in fri 6                        → no call                                   👎
    add gym on friday at 6                    → create_event(title="gym", date="friday", time="6")
    what the first words should have led to   → create_event(title="gym", date="fri", time="6")

A person may also have changed their mind, and go on with something else. So the call of another tool counts only if
the first call has changed nothing, or was undone. And after a complaint without words the call must use much of the
first words.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.feedback.implicit_signs import corrects, event_key_of
from llmagent_os.ledger import CompletionRecord, Interaction, Ledger, RewardEvent
from llmagent_os.serving.constraint_record import ConstraintRecord
from llmagent_os.tools.result_statuses import INCOMPLETE, NOTHING_DONE
from llmagent_os.training.calls_by_rules import as_model_call, call_by_rules, shown_part
from llmagent_os.training.corrected_call import CorrectedCall, corrected_call
from llmagent_os.training.recorded_turn import learnable_completions

#: How many of the next turns are looked at: tries, and the presses of buttons between them.
MOST_TURNS = 8

#: The share of the first words that the call has to use where no word says that it is a correction.
MIN_COVERAGE = 0.2

#: The signs of a correction in words.
_SPOKEN = frozenset(("correction", "reask"))


async def second_try(
    ledger: Ledger,
    interaction: Interaction,
    record: CompletionRecord,
    tools: Sequence[ToolSpec],
    signs: Sequence[RewardEvent],
) -> ToolCall | None:
    """Return the call that the words before a reply should have led to. None: nobody has shown it.

    Args:
        ledger: the bot's ledger.
        interaction: the reply that somebody complained about.
        record: its last completion that calls tools, or else its words.
        tools: the tools that the model knew.
        signs: the complaints that are no reactions.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    if max(len(record.tool_calls), interaction.calls_by_rules) > 1:
        return None
    read = call_by_rules(interaction)
    wrong = next(iter(record.tool_calls), None) if read is None else shown_part(read, tools)
    turns = await ledger.next_turns(interaction, MOST_TURNS)
    spoken_by = {event_key_of(sign) for sign in signs if sign.kind in _SPOKEN}
    undone = bool(spoken_by & {turn.interaction_id for turn in turns if not _is_try(turn)})
    for turn in turns:
        if not _is_try(turn):  # a button, a command or a reminder
            continue
        in_words = corrects(turn.said) or turn.interaction_id in spoken_by
        right = await _call_of(ledger, turn, tools)
        goes_on = right is None and not in_words and not asked_back(turn)
        if right is not None:
            found = None if right == wrong else corrected_call(wrong, right, tools, spoken_before(record))
            stands = undone or not _acted(interaction, wrong, right, tools)
            return found.call if found and stands and (in_words or _uses_much(found)) else None
        if goes_on and not await _is_complained_about(ledger, turn):
            return None  # the person has gone on to something else
    return None


def _is_try(turn: Interaction) -> bool:
    """Whether the person said something that a model, or a plugin's rules, read."""
    return bool(turn.model) or turn.calls_by_rules > 0


async def _call_of(ledger: Ledger, turn: Interaction, tools: Sequence[ToolSpec]) -> ToolCall | None:
    """The call of a try, if the tool could use it and nothing speaks against it. Rules may have read it, too."""
    if asked_back(turn) or await _is_complained_about(ledger, turn):
        return None
    if turn.calls_by_rules:
        read = call_by_rules(turn)
        return None if read is None else as_model_call(read, tools)
    calls = [each.tool_calls for each in await learnable_completions(ledger, turn) if each.tool_calls]
    return calls[-1][0] if calls and len(calls[-1]) == 1 else None


def asked_back(turn: Interaction) -> bool:
    """Whether the last tool of a reply asked for what its call did not have."""
    return any(call.get("result", {}).get("status") in INCOMPLETE for call in turn.tool_calls[-1:])


async def _is_complained_about(ledger: Ledger, turn: Interaction) -> bool:
    return any(reward.reward < 0 for reward in await ledger.rewards_of(turn.interaction_id))


def _acted(interaction: Interaction, wrong: ToolCall | None, right: ToolCall, tools: Sequence[ToolSpec]) -> bool:
    """Whether the first call was of another tool, and changed something: the next call may take that back."""
    if wrong is None or wrong.name == right.name:
        return False
    if any(tool.name == wrong.name and tool.read_only for tool in tools):
        return False
    results: list[dict[str, Any]] = [call.get("result", {}) for call in interaction.tool_calls]
    return not all(result.get("status") in NOTHING_DONE for result in results)


def _uses_much(found: CorrectedCall) -> bool:
    return found.coverage >= MIN_COVERAGE


def spoken_before(record: CompletionRecord) -> list[str]:
    """What arguments could be copied from, the latest first: what the constraint names, else all that was said."""
    messages: Sequence[dict[str, Any]] = record.messages or ()
    places: Sequence[int] = ()
    with suppress(msgspec.MsgspecError):  # of another version
        places = msgspec.json.decode(record.constraint or "", type=ConstraintRecord).copied_from
    if not places:
        asked = [at for at, turn in enumerate(messages) if turn["role"] == "user" and turn.get("spoken", True)]
        places = asked[::-1]
    return [str(messages[at].get("content") or "") for at in places if at < len(messages)]

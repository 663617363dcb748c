"""Which dimensions of a behaviour could show in a reply. Only these are credited with what people think of the reply.

A style shows in the words that the model wrote: in another style, the model would have written others. It does not show
in words that a tool fixed: a question before something is done, a failure, and what replaced words that were not true.
A plugin's rules say in which style they answered.
The model is not given a tool's words. Where it writes the same sentence, that is its own style.

The initiative shows where something was done, or was asked about first. It does not show in a look-up, and neither
where the plugin asks in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from llmagent_os.adapter import Reply
from llmagent_os.chat import ToolSpec
from llmagent_os.modules import PrivacyModule
from llmagent_os.plugin import ToolResult
from llmagent_os.policy.contract import INITIATIVE, PRESENCE
from llmagent_os.reply.answer import Answer
from llmagent_os.tools.result_statuses import CONFIRM, FAILED

#: The statuses of results that nothing was done for, and nothing could be done: the initiative did not matter.
_NOTHING_AT_STAKE = frozenset(
    (FAILED, "missing", "unclear", "ambiguous", "empty", "not_found", "past", "stale", "unchanged", "listed")
)


def shown_dimensions(
    privacy: PrivacyModule, action: Mapping[str, str], answer: Answer, reply: Reply, specs: Iterable[ToolSpec]
) -> list[str]:
    """Return the names of the dimensions of ``action`` that could show.

    Args:
        privacy: cleaned the words that were sent.
        action: how the reply was given: a value for each dimension.
        answer: what the model said, and which tools it called.
        reply: what is sent.
        specs: the tools that could be called.
    """
    read_only = {spec.name for spec in specs if spec.read_only}
    results = [result for call, result in zip(answer.calls, answer.results, strict=False) if call.name not in read_only]
    initiative = any(_heeds(action.get(INITIATIVE, ""), result) for result in results)
    style = words_were_sent(privacy, answer, reply) and not answer.is_fixed
    by_rules = {name for result in answer.results if not answer.calls for name in result.shown}
    styles = (name for name in action if name != PRESENCE)  # that the bot spoke is no matter of the words
    return [name for name in styles if (initiative if name == INITIATIVE else style or name in by_rules)]


def words_were_sent(privacy: PrivacyModule, answer: Answer, reply: Reply) -> bool:
    """Return whether ``reply`` has the model's last words as the model wrote them."""
    last = answer.completions[-1] if answer.completions else None
    if last is None or last.tool_calls:
        return False
    if answer.cited_text:
        return reply.text in (answer.cited_text, answer.with_waiting(answer.cited_text))
    said = privacy.release(last.text)
    return reply.text in (said, answer.with_waiting(said))


def _heeds(initiative: str, result: ToolResult) -> bool:
    """Return whether a tool that writes did what the initiative says: it asked first, or it acted."""
    status = result.data.get("status")
    if status in _NOTHING_AT_STAKE or result.profile_changes:
        return False
    return (status == CONFIRM) == (initiative == "ask_first")

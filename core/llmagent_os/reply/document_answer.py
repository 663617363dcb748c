"""Answers from documents, so that nothing that stands in one can call a tool.

The model is first asked with its tools and without the passages. If it calls a tool, the passages play no part. If it
does not, it is asked again: with the passages, and without tools. A model that is too small for that (one whose card
says ``native``) is not asked again: the passage itself is quoted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from llmagent_os.chat import ChatRequest, ToolCall
from llmagent_os.handler import Draft
from llmagent_os.languages import gettext
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.answer import NO_ANSWER, Answer
from llmagent_os.reply.citations import (
    cited_passages,
    passage_buttons,
    reference,
    source_line,
    source_name,
    without_foreign_addresses,
    without_marks,
)
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.found_passages import Found
from llmagent_os.reply.passage_prompt import passage_request
from llmagent_os.reply.quotation import is_question, is_strong, quotation
from llmagent_os.reply.services import Services
from llmagent_os.reply.tool_loop import converse
from llmagent_os.tools.result_statuses import FAILED

if TYPE_CHECKING:
    from llmagent_os.llm import LLM

#: The statuses of tools' results that leave a question open.
FOUND_NOTHING = frozenset(("empty", "not_found"))

_log = structlog.stdlib.get_logger(__name__)


async def answer_from_documents(
    llm: LLM,
    services: Services,
    exchange: Exchange,
    found: Found,
    request: ChatRequest,
    with_tools: Callable[[Draft | None], Awaitable[Answer]],
    draft: Draft | None,
) -> Answer:
    """Answer a message that documents have something about.

    Args:
        llm: the model.
        services: the settings.
        exchange: the message.
        found: the passages; there is one at least.
        request: the one for an answer with tools, which holds no passage.
        with_tools: has the model answer that request. It is given the draft.
        draft: called with the words while they are written; None: nobody watches.
    """
    if llm.card.native:
        first = await with_tools(None)
        return first if _is_done(first) else _quoted(first, exchange, found, services)
    first = Answer()
    if request.tools:
        first = await with_tools(None)
        if first.calls or first.results:
            return first
    asked = passage_request(request, exchange, found.passages, services.privacy)
    second = await converse(
        llm, asked, _refuse, rounds=0, privacy=services.privacy, draft=draft, grounding=services.settings.grounding
    )
    # What the model said before it read the passages is kept, as words that were not sent.
    second.completions[:0] = first.completions
    second.found_tools = first.found_tools
    second.rejected = (*first.rejected, *second.rejected)
    second.passages = [reference(hit.passage) for hit in found.passages]
    if second.failure is not None:
        return second
    if second.calls:  # without tools to call: a passage may have asked for it
        second.calls, second.results = [], []
        return _quoted(second, exchange, found, services, calls_refused=True)
    return _cited(second, exchange, found, services)


def _is_done(answer: Answer) -> bool:
    """Whether tools have answered. A look-up that found nothing has not: a document may know more than the plugin."""
    return any(result.data.get("status") not in FOUND_NOTHING for result in answer.results)


async def _refuse(call: ToolCall, _number: str) -> ToolResult:
    _log.warning("a model called a tool after it had read a document: the call was not made", tool=call.name)
    return ToolResult({"status": FAILED}, str(NO_ANSWER))


def _cited(answer: Answer, exchange: Exchange, found: Found, services: Services) -> Answer:
    """``answer`` with the sources that it is from."""
    said = services.privacy.release(answer.text)
    cited = cited_passages(said, exchange.text, found.passages)
    known = (exchange.text, *(hit.passage.text for hit in found.passages))
    text = without_foreign_addresses(without_marks(said), known)
    answer.text = "\n\n".join(filter(None, (text, source_line(cited)))) if said else said
    answer.cited_text = answer.text
    answer.buttons = passage_buttons(cited)
    return answer


def _quoted(
    answer: Answer, exchange: Exchange, found: Found, services: Services, *, calls_refused: bool = False
) -> Answer:
    """An answer in the words of the best passage; ``answer`` itself where the passage says too little."""
    best = found.passages[0]
    is_better = not found.facts or best.score > found.facts[0].score
    if not calls_refused and not (is_better and is_question(exchange.text) and is_strong(exchange.text, best)):
        return answer
    # No address is cut out: these are the document's words, and nothing of the person's can be in them.
    quote = services.privacy.release(quotation(exchange.text, best.passage.text))
    said = gettext("From {source}:", source=source_name(best.passage))
    text = f"{said}\n\n> {quote}\n\n{source_line([best.passage])}"
    answer.results.append(ToolResult({"status": "quoted"}, text, word_for_word=True))
    answer.joined = None
    answer.passages = [reference(best.passage)]
    answer.buttons = passage_buttons([best.passage])
    return answer


def may_answer(exchange: Exchange, found: Found) -> bool:
    """Whether a document answers a message so clearly that a plugin's rules for small talk are not asked."""
    return bool(found.passages) and is_question(exchange.text) and is_strong(exchange.text, found.passages[0])

"""Has the model answer a message: with its tools, or from documents where these say something about it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from llmagent_os.chat import ChatRequest
from llmagent_os.handler import Draft
from llmagent_os.reply.answer import Answer
from llmagent_os.reply.document_answer import answer_from_documents
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.found_passages import Found
from llmagent_os.reply.plugin_calls import call_tool
from llmagent_os.reply.services import Services
from llmagent_os.reply.shown_tools import ShownTools
from llmagent_os.reply.tool_loop import GivenCalls, converse
from llmagent_os.reply.without_model import words_without_model

if TYPE_CHECKING:
    from llmagent_os.llm import LLM


async def answer_with_model(
    llm: LLM,
    services: Services,
    exchange: Exchange,
    found: Found,
    request: ChatRequest,
    shown: ShownTools,
    given: GivenCalls | None,
    draft: Draft | None,
) -> Answer:
    """Have the model answer a message.

    Args:
        llm: the model.
        services: the settings and the tools.
        exchange: the message.
        found: what documents have about it.
        request: the one for an answer with tools, which holds no passage.
        shown: the tools of the request, which finds others where the model looks for them.
        given: the calls that rules read in the message. Then documents are only quoted, by a model that is too small to
            read them; None: the model decides.
        draft: called with the words while they are written; None: nobody watches.
    """
    settings = services.settings

    async def with_tools(watched: Draft | None) -> Answer:
        answer = await converse(
            llm,
            request,
            partial(call_tool, services, exchange),
            rounds=settings.tool_rounds,
            privacy=services.privacy,
            draft=watched,
            grounding=settings.grounding,
            given=given,
            shown=shown,
        )
        if answer.failure == "absent":
            answer.text = words_without_model(exchange, settings, services.plugins)
        return answer

    if found.passages and (given is None or llm.card.native):
        return await answer_from_documents(llm, services, exchange, found, request, with_tools, draft)
    return await with_tools(draft)

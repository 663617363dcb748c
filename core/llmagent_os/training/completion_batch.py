"""Lets a model answer many chats side by side: it decodes them together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.llm import LLM
from llmagent_os.serving.tool_call_parsing import InvalidCallError

#: Requests that the model is given at the same time.
AT_ONCE = 32


async def complete_all(llm: LLM, requests: Iterable[ChatRequest]) -> list[Completion | InvalidCallError]:
    """Answer every request; gives the answers in the order of the requests.

    An answer whose tool calls are not valid ends nothing: in its place stands the error, which has what was written.

    Raises:
        ModelError: the model cannot answer.
    """
    free = asyncio.Semaphore(AT_ONCE)

    async def answer(request: ChatRequest) -> Completion | InvalidCallError:
        async with free:
            try:
                return await llm.complete(request)
            except InvalidCallError as error:
                return error

    return list(await asyncio.gather(*map(answer, requests)))

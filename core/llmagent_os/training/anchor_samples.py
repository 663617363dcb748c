"""Lets a model's base answer unrelated prompts: there the model must stay as it is while it learns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from llmagent_os.chat import ChatRequest, Completion, Message, ToolSpec
from llmagent_os.errors import ConfigError
from llmagent_os.llm import LLM
from llmagent_os.serving.tool_call_parsing import InvalidCallError
from llmagent_os.training.token_sample import TokenSample

_AT_ONCE = 32  # requests that the model is given at the same time; it decodes them together


async def write_anchors(
    llm: LLM,
    prompts: Sequence[str],
    *,
    system: str | None = None,
    tools: tuple[ToolSpec, ...] = (),
    max_tokens: int = 24,
) -> list[TokenSample]:
    """Let the base answer unrelated prompts; gives what the ``distil`` objective takes as anchors.

    Args:
        llm: a local model; a server does not tell the tokens.
        prompts: what is asked, such as :data:`~llmagent_os.training.control_prompts.ANCHORS`.
        system: the bot's system message, so that the model also stays as it is where the bot is asked other things.
        tools: the bot's tools, for the same reason.
        max_tokens: most tokens of a reply.

    Raises:
        ConfigError: the model is a server's.
        ModelError: the model cannot answer.
    """
    if llm.location is None:
        raise ConfigError(f"{llm.name} is a server's model, which tells no tokens: only local models are trained")
    before: list[Message] = [{"role": "system", "content": system}] if system else []
    free = asyncio.Semaphore(_AT_ONCE)

    async def answer(prompt: str) -> Completion | None:
        chat = [*before, {"role": "user", "content": prompt}]
        async with free:
            try:
                return await llm.complete(ChatRequest(messages=chat, tools=tools, lora="base", max_tokens=max_tokens))
            except InvalidCallError:  # nothing that the model has to stay like
                return None

    replies = await asyncio.gather(*map(answer, prompts))
    return [
        TokenSample(prompt=reply.prompt_token_ids, response=reply.token_ids, reward=0.0, anchor=True)
        for reply in replies
        if reply is not None and reply.token_ids
    ]

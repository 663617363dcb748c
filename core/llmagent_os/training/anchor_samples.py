"""Lets a model's base answer unrelated prompts: there the model must stay as it is while it learns."""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.chat import ChatRequest, Completion, Message, ToolSpec
from llmagent_os.errors import ConfigError
from llmagent_os.llm import LLM
from llmagent_os.training.completion_batch import complete_all
from llmagent_os.training.token_sample import TokenSample


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
    chats = [[*before, {"role": "user", "content": prompt}] for prompt in prompts]
    replies = await complete_all(
        llm, [ChatRequest(messages=chat, tools=tools, lora="base", max_tokens=max_tokens) for chat in chats]
    )
    return [
        TokenSample(prompt=reply.prompt_token_ids, response=reply.token_ids, reward=0.0, anchor=True)
        for reply in replies
        if isinstance(reply, Completion) and reply.token_ids  # the model need not stay like a call that is not valid
    ]

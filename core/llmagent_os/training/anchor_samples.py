"""Lets a model answer prompts at which it must stay as it is while it learns something else."""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.chat import ChatRequest, Completion, Message, ToolSpec
from llmagent_os.errors import ConfigError
from llmagent_os.llm import LLM
from llmagent_os.training.completion_batch import complete_all
from llmagent_os.training.style_candidates import Question
from llmagent_os.training.token_sample import TokenSample

#: The most tokens of a reply.
MAX_TOKENS = 24


async def write_anchors(
    llm: LLM,
    prompts: Sequence[str],
    *,
    system: str | None = None,
    tools: tuple[ToolSpec, ...] = (),
    lora: str = "base",
    max_tokens: int = MAX_TOKENS,
) -> list[TokenSample]:
    """Let the model answer unrelated prompts; gives what objectives take as anchors.

    Args:
        llm: a local model; a server does not tell the tokens.
        prompts: what is asked, such as :data:`~llmagent_os.training.control_prompts.ANCHORS`.
        system: the bot's system message, so that the model also stays as it is where the bot is asked other things.
        tools: the bot's tools, for the same reason.
        lora: the version that training starts from: a PEFT folder, or ``base``.
        max_tokens: most tokens of a reply.

    Raises:
        ConfigError: the model is a server's.
        ModelError: the model cannot answer.
    """
    before: tuple[Message, ...] = ({"role": "system", "content": system},) if system else ()
    asked = [Question(messages=(*before, {"role": "user", "content": prompt}), tools=tools) for prompt in prompts]
    return await answer_anchors(llm, asked, lora=lora, max_tokens=max_tokens)


async def answer_anchors(
    llm: LLM, questions: Sequence[Question], *, lora: str = "base", max_tokens: int = MAX_TOKENS
) -> list[TokenSample]:
    """Let the model answer chats; arguments, result and errors as :func:`write_anchors`."""
    if llm.location is None:
        raise ConfigError(f"{llm.name} is a server's model, which tells no tokens: only local models are trained")
    requests = [
        ChatRequest(messages=list(each.messages), tools=each.tools, lora=lora, max_tokens=max_tokens)
        for each in questions
    ]
    return [
        TokenSample(prompt=reply.prompt_token_ids, response=reply.token_ids, reward=0.0, anchor=True)
        for reply in await complete_all(llm, requests)
        if isinstance(reply, Completion) and reply.token_ids  # the model need not stay like a call that is not valid
    ]

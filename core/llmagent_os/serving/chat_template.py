"""Writes messages with a model's chat template, in the same way for replies being written and for training."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from llmagent_os.chat import Message, ToolSpec
from llmagent_os.errors import ModelError
from llmagent_os.serving.tool_call_parsing import calls_of, tool_schemas
from llmagent_os.serving.vocabulary import Vocabulary


class ChatTemplate:
    """Writes prompts.

    Args:
        tokenizer: a transformers tokenizer with a chat template.
        vocabulary: the tokenizer's tokens.
    """

    def __init__(self, tokenizer: Any, vocabulary: Vocabulary) -> None:
        self._tokenizer = tokenizer
        self._without_markup = vocabulary.without_markup

    def clean(self, message: Message) -> Message:
        """Give a turn as templates take it. Nothing that people wrote in it can pass for the template's markup."""
        turn: Message = {**message, "content": self._without_markup(message.get("content") or "")}
        if calls := calls_of(message):
            turn["tool_calls"] = [
                {"type": "function", "function": self._without_markup({"name": call.name, "arguments": call.arguments})}
                for call in calls
            ]
        return turn

    def prompt(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
        """Write what the model reads before it writes the next turn.

        Raises:
            ModelError: the template refuses these messages; the message says why.
        """
        try:
            return self._render([self.clean(message) for message in messages], tools, open_turn=True)
        except Exception as error:  # a template's own code may raise anything
            raise ModelError(f"the model's chat template cannot write these messages: {error}") from error

    def opening(self, system: str, tools: Sequence[ToolSpec]) -> str:
        """Write the beginning of every prompt with this system message and these tools, before the first user turn.

        Empty if the template refuses a chat without a user's turn.
        """
        with suppress(Exception):
            message = {"role": "system", "content": self._without_markup(system)}
            return self._render([message], tools, open_turn=False)
        return ""

    def response(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str | None:
        """Write the last of ``messages``, an assistant's turn, as the model should have written it after the others.

        ``None``: the template writes the earlier turns differently once this turn follows, so it cannot be cut off.

        Raises:
            ModelError: the template refuses these messages; the message says why.
        """
        before = self.prompt(messages[:-1], tools)
        try:
            whole = self._render([self.clean(message) for message in messages], tools, open_turn=False)
        except Exception as error:
            raise ModelError(f"the model's chat template cannot write these messages: {error}") from error
        return whole.removeprefix(before) if whole.startswith(before) else None

    def _render(self, messages: list[Message], tools: Sequence[ToolSpec], *, open_turn: bool) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                messages,
                tools=self._without_markup(tool_schemas(tools)) or None,
                add_generation_prompt=open_turn,
                tokenize=False,
                enable_thinking=False,  # templates without this setting ignore it
            )
        )

"""Messages through a model's chat template: the same for a reply being written and for one being learned."""

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
        vocabulary: its tokens.
    """

    def __init__(self, tokenizer: Any, vocabulary: Vocabulary) -> None:
        self._tokenizer = tokenizer
        self._clean = vocabulary.without_markup

    def clean(self, message: Message) -> Message:
        """A turn as templates take it, in which nobody's words can pass for the template's own markup."""
        turn: Message = {**message, "content": self._clean(message.get("content") or "")}
        if calls := calls_of(message):
            turn["tool_calls"] = [
                {"type": "function", "function": {"name": call.name, "arguments": self._clean(call.arguments)}}
                for call in calls
            ]
        return turn

    def prompt(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
        """What the model is given to write the next turn.

        Raises:
            ModelError: the template refuses these messages; says why.
        """
        try:
            return self._render([self.clean(message) for message in messages], tools, open_turn=True)
        except Exception as error:  # whatever a template's own code raises
            raise ModelError(f"the model's chat template cannot write these messages: {error}") from error

    def opening(self, system: str, tools: Sequence[ToolSpec]) -> str:
        """What a prompt with this system message and these tools begins with, before anybody spoke. May be empty."""
        with suppress(Exception):  # some templates refuse a chat without a user's turn; then nothing is shared
            return self._render([{"role": "system", "content": self._clean(system)}], tools, open_turn=False)
        return ""

    def response(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str | None:
        """What the model should have written for the last of ``messages``, an assistant's turn, and what follows it.

        ``None`` where the template writes the turns before it differently once it is there.
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
                tools=tool_schemas(tools) or None,
                add_generation_prompt=open_turn,
                tokenize=False,
                enable_thinking=False,  # templates that do not know it ignore it
            )
        )

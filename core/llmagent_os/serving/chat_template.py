"""Writes messages with a model's chat template, in the same way for replies being written and for training.

A template that says nothing of tools would drop them silently. Its tools are written into the system message.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog

from llmagent_os.chat import Message, ToolSpec
from llmagent_os.errors import ModelError
from llmagent_os.serving.hermes_tools import with_tools_written_out
from llmagent_os.serving.tool_call_parsing import calls_of, tool_schemas
from llmagent_os.serving.vocabulary import Vocabulary

_log = structlog.get_logger(__name__)

_PROBE = "a_tool_to_look_for"  # the name of a tool that no template writes of its own accord


class ChatTemplate:
    """Writes prompts.

    Args:
        tokenizer: a transformers tokenizer with a chat template.
        vocabulary: the tokenizer's tokens.
    """

    def __init__(self, tokenizer: Any, vocabulary: Vocabulary) -> None:
        self._tokenizer = tokenizer
        self._without_markup = vocabulary.without_markup
        self.knows_tools = self._renders_tools()  #: otherwise tools, calls and results are written as words

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

    def _renders_tools(self) -> bool:
        """Try whether the template writes the tools that it is given; say so in the log if it does not."""
        probe = ToolSpec(name=_PROBE, description="", parameters={"type": "object", "properties": {}})
        self.knows_tools = True
        try:
            knows = _PROBE in self._render([{"role": "user", "content": "hi"}], [probe], open_turn=True)
        except Exception:  # a template's own code may raise anything; what is wrong shows with the first prompt
            return True
        if not knows:
            _log.warning(
                "the model's chat template says nothing of tools, so they are written into the system message; "
                "a model that was never taught to call tools will seldom call them well",
                model=str(getattr(self._tokenizer, "name_or_path", "")),
            )
        return knows

    def _render(self, messages: list[Message], tools: Sequence[ToolSpec], *, open_turn: bool) -> str:
        schemas: list[dict[str, Any]] = self._without_markup(tool_schemas(tools))
        if not self.knows_tools:
            messages, schemas = with_tools_written_out(messages, schemas), []
        return str(
            self._tokenizer.apply_chat_template(
                messages,
                tools=schemas or None,
                add_generation_prompt=open_turn,
                tokenize=False,
                enable_thinking=False,  # templates without this setting ignore it
            )
        )

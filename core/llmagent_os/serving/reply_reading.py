"""Reads the text and the tool calls of a server's reply, wherever the server put the calls."""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.errors import ModelUnavailableError
from llmagent_os.serving.call_bodies import RawCall
from llmagent_os.serving.options import ServerOptions
from llmagent_os.serving.server_failure import ServerFailureError
from llmagent_os.serving.stream_assembler import AssembledReply
from llmagent_os.serving.text_calls import said_calls
from llmagent_os.serving.tool_call_parsing import InvalidCallError, checked_call, found_calls


def read_reply(
    reply: AssembledReply, tools: Sequence[ToolSpec], options: ServerOptions
) -> tuple[str, tuple[ToolCall, ...], str]:
    """Give the text, the tool calls, and the form of the calls that the server left in the text.

    The text is searched for calls only if the server sent none.

    Args:
        reply: what the server wrote.
        tools: what was offered, by the names that the server knows.
        options: the limits.

    Raises:
        InvalidCallError: a call is not valid, or the server announced calls and sent none.
        ServerFailureError: there are more calls, or longer ones, than the limits allow.
    """
    text, found, form = reply.text, reply.calls, ""
    said = said_calls(found)
    if not found:
        in_text = found_calls(text, tools)
        text, found, form, said = in_text.text, in_text.calls, in_text.form, text
        _check_limits(found, options)
    if not (found or text.strip()) and reply.promised:
        raise InvalidCallError("it was announced, and there is no call", "")
    return text, tuple(checked_call(name, given, tools, said=said) for name, given in found), form


def _check_limits(found: Sequence[RawCall], options: ServerOptions) -> None:
    """Hold calls in a text to the limits of other calls."""
    most, longest = options.max_tool_calls, options.max_argument_characters
    why = ""
    if len(found) > most:
        why = f"made more than {most} tool calls (max_tool_calls)"
    elif found and len(said_calls(found)) > longest:
        why = f"wrote more than {longest} characters of arguments (max_argument_characters)"
    if why:
        raise ServerFailureError(ModelUnavailableError, why)

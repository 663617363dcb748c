"""Checks how a model's server handles tools, for ``llmagent-os doctor --deep``: it is asked for one call."""

from __future__ import annotations

from llmagent_os.admin.findings import Finding
from llmagent_os.chat import ChatRequest, Completion, ToolHandling, ToolSpec
from llmagent_os.errors import BadToolCallError
from llmagent_os.llm import LLM

_PROBE = ToolSpec(
    name="current_time",
    description="Tells what time it is in a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "description": "The city, such as Madrid."}},
        "required": ["city"],
    },
)
_MAX_TOKENS = 1024  # a reasoning model thinks before it calls
_SHOWN = 80  # characters of an answer

#: What to do, by a part of the server's words.
_REMEDIES = (
    ("tool-call-parser", "start vLLM with --enable-auto-tool-choice --tool-call-parser NAME"),
    ("jinja", "start llama-server with --jinja"),
    ("parser for this template", "give llama-server a template that knows tools: --chat-template-file FILE"),
    (
        "does not support tools",
        "choose a model that knows tools; Ollama lists those at https://ollama.com/search?c=tools",
    ),
)

#: The name of vLLM's parser, by the form of the calls.
_PARSERS = {
    "Hermes and Qwen": "hermes",
    "Qwen-Coder": "qwen3_coder",
    "Mistral": "mistral",
    "Llama": "llama3_json",
    "JSON without markup": "llama3_json",
    "Python": "llama4_pythonic",
    "DeepSeek": "deepseek_v3",
    "Kimi": "kimi_k2",
    "MiniMax": "minimax_m2",
    "Granite and Phi": "granite",
    "InternLM": "internlm",
}


async def check_tools(llm: LLM) -> Finding:
    """Ask the model of a server to call a tool, and say what came.

    Raises:
        ModelError: the server gives no reply.
    """
    messages = [
        {"role": "system", "content": "Call a tool whenever one can answer."},
        {"role": "user", "content": "What time is it in Madrid? Call the tool current_time."},
    ]
    try:
        said = await llm.complete(ChatRequest(messages=messages, tools=(_PROBE,), max_tokens=_MAX_TOKENS))
    except BadToolCallError as error:
        return Finding("model", "problem", f"asked for a tool call, {error}", "use a model that knows tools")
    return _finding(said)


def _finding(said: Completion) -> Finding:
    handling = said.tool_handling or ToolHandling()
    if handling.refused:
        text = (
            f"the server takes no tools ({handling.refused}); they are written into the prompt, which works less well"
        )
        return Finding("model", "problem", text, _remedy(handling.refused))
    if handling.form:
        parser = _PARSERS.get(handling.form, "NAME")
        return Finding(
            "model",
            "note",
            f"the server leaves tool calls in the text (form: {handling.form}); they are read there. Better: vLLM with "
            f"--enable-auto-tool-choice --tool-call-parser {parser}, or llama-server with --jinja",
        )
    if said.tool_calls:
        return Finding("model", "ok", "it calls tools")
    return Finding(
        "model",
        "note",
        f"asked for a tool call, it answered with {said.text[:_SHOWN]!r}; a model that calls no tools uses no plugins, "
        "except through slash commands",
    )


def _remedy(words: str) -> str:
    other = "see docs/bots.md, 'Models on a server': some servers need a flag before they take tools"
    return next((remedy for part, remedy in _REMEDIES if part in words), other)

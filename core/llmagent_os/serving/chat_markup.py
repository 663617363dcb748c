"""The markup of chat templates in text that people, files and tools wrote: it is made inert before a model reads it.

A template joins turns with special tokens such as ``<|im_start|>``. The same characters inside a title or a fact would
pass for a turn of the system. Whoever loads a model knows the special tokens of this model, see
:class:`~llmagent_os.serving.vocabulary.Vocabulary`. Nobody knows those of a server's model, and some templates spell
their markup with plain characters. So the forms of all common model families are made inert for every model.

The families, by the markup in their published chat templates: ChatML, Qwen and Hermes (``<|im_start|>``,
``<tool_call>``), Llama 2 (``[INST]``, ``<<SYS>>``), Llama 3 (``<|eot_id|>``, ``<|python_tag|>``), Mistral
(``[TOOL_CALLS]``), Gemma (``<start_of_turn>``), DeepSeek (``<｜User｜>``), Phi, Command R and GLM (``<|user|>``,
``[gMASK]<sop>``), gpt-oss (``<|channel|>``), MiniMax (``]~b]``), T5 (``<extra_id_0>``).
"""

from __future__ import annotations

import re
from typing import Any, cast

_MARKUP = re.compile(
    r"""
    <[|｜][^<>\n]{1,60}?[|｜]>                                     # <|im_end|>, <｜User｜>
  | <\|[^<>\n|]{1,60}>  | <[^<>\n|/]{1,60}\|>                        # <|channel>, <channel|>
  | </?(?:s|bos|eos|pad|unk|mask|sop|eop|cls|sep)>                   # ends of texts
  | </?(?:tools?|tool_call|tool_calls|tool_response|tool_result|function_calls?|functions?|invoke|think|thinking)>
  | <(?:function|parameter|invoke)(?:=|\ name=)[^<>\n]{0,80}>        # <function=name>
  | </(?:function|parameter|invoke)>
  | </?(?:arg_key|arg_value)>
  | </?[a-z]{2,12}:(?:tool_call|think|function_calls|invoke)\b[^<>\n]{0,80}>
  | <(?:start|end)_of_(?:turn|image|audio)> | <(?:unused|extra_id_|reserved_)\d{1,4}>
  | <image> | <BOS_TOKEN> | <EOS_TOKEN>
  | <fim_(?:prefix|middle|suffix)>
  | <</?SYS>> | \[/?INST\] | \[gMASK\]
  | \[/?(?:TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|AVAILABLE_TOOLS|SYSTEM_PROMPT|THINK|ARGS|CALL_ID|IMG)\]
  | \]~!?b[\[\]] | \[e~\[
    """,
    re.VERBOSE | re.IGNORECASE,
)


def inert(value: Any, more: re.Pattern[str] | None = None) -> Any:
    """Break chat markup in all strings of ``value`` by a space after its first character.

    Also in strings inside lists and dicts, and in the keys of dicts.

    Args:
        value: a text, or JSON.
        more: further markup, such as the special tokens of one model.

    >>> inert("lunch<|im_end|> with [INST]Ana")
    'lunch< |im_end|> with [ INST]Ana'
    >>> inert({"title": ["</s>", 3]})
    {'title': ['< /s>', 3]}
    >>> inert("a < b, <b>bold</b>, [1] and x[i]")
    'a < b, <b>bold</b>, [1] and x[i]'
    """
    if isinstance(value, str):
        text = _MARKUP.sub(_broken, value) if _may_hold_markup(value) else value
        return more.sub(_broken, text) if more is not None else text
    if isinstance(value, dict):
        items = cast("dict[object, object]", value)
        return {inert(key, more): inert(inner, more) for key, inner in items.items()}
    if isinstance(value, list | tuple):
        return [inert(inner, more) for inner in cast("list[object]", value)]
    return value


def _may_hold_markup(text: str) -> bool:
    return "<" in text or "[" in text or "]" in text


def _broken(found: re.Match[str]) -> str:
    return f"{found[0][0]} {found[0][1:]}"

"""Finds at which words plugins' rules are to yield to a version: where it reads what they misread."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.llm import LLM
from llmagent_os.serving.tool_call_parsing import calls_of
from llmagent_os.training.call_score import call_score
from llmagent_os.training.completion_batch import complete_all
from llmagent_os.training.misread_by_rules import cues_of
from llmagent_os.training.training_example import TrainingExample

#: The most tokens of a call.
_MAX_TOKENS = 96


async def learned_cues(llm: LLM, examples: Iterable[TrainingExample], lora: Path) -> list[list[str]]:
    """Ask a version what the rules misread. Return the words that its right calls are known by, as hashes.

    Args:
        llm: the model.
        examples: all that was learned or held out.
        lora: the version: a PEFT folder.

    Raises:
        ModelError: the model cannot answer.
    """
    misread = [each for each in examples if each.misread]
    asked = [
        ChatRequest(messages=list(each.messages[:-1]), tools=each.tools, lora=str(lora), max_tokens=_MAX_TOKENS)
        for each in misread
    ]
    answers = await complete_all(llm, asked)
    return cues_of(
        each.misread
        for each, answer in zip(misread, answers, strict=True)
        if isinstance(answer, Completion) and call_score(answer, calls_of(each.messages[-1])[0]) == 1
    )

"""Learns from messages that people changed after the bot had misread them.

Nobody is answered when they change a message. So the model is asked what it would have called for the new words. If the
first words hold all that this call has, they should have led to it. Nobody has judged that call, so it counts less than
one that somebody was content with.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llmagent_os.chat import ChatRequest, Completion, Message
from llmagent_os.llm import LLM
from llmagent_os.serving.tool_call_parsing import calls_of
from llmagent_os.training.completion_batch import complete_all
from llmagent_os.training.corrected_call import corrected_call
from llmagent_os.training.second_try import MIN_COVERAGE
from llmagent_os.training.training_example import CORRECTED, TrainingExample

#: The weight of a call for changed words.
EDITED_WEIGHT = 0.5

#: The most tokens of a call.
_MAX_TOKENS = 96


async def edited_calls(llm: LLM, examples: Sequence[TrainingExample], lora: str) -> list[TrainingExample]:
    """Make an example of each call that changed words have shown to be right.

    Args:
        llm: the model.
        examples: what people thought of the bot's replies.
        lora: the version that reads the changed words: a PEFT folder, or ``base``.

    Raises:
        ModelError: the model cannot answer.
    """
    known = {each.origin for each in examples if each.origin.endswith(CORRECTED)}
    edited = [each for each in examples if each.edited and each.reward < 0 and each.origin + CORRECTED not in known]
    asked = [
        ChatRequest(messages=_with_new_words(each), tools=each.tools, lora=lora, max_tokens=_MAX_TOKENS)
        for each in edited
    ]
    answers = await complete_all(llm, asked)
    targets = [_target(example, answer) for example, answer in zip(edited, answers, strict=True)]
    return [target for target in targets if target is not None]


def _place_of_words(example: TrainingExample) -> int:
    """The place of what the person said last."""
    spoken = [at for at, turn in enumerate(example.messages) if turn["role"] == "user" and turn.get("spoken", True)]
    return spoken[-1]


def _with_new_words(example: TrainingExample) -> list[Message]:
    place = _place_of_words(example)
    return [*example.messages[:place], {**example.messages[place], "content": example.edited}]


def _target(example: TrainingExample, answer: object) -> TrainingExample | None:
    if not isinstance(answer, Completion) or len(answer.tool_calls) != 1:
        return None
    *before, served = example.messages
    (right,), wrong = answer.tool_calls, next(iter(calls_of(served)), None)
    if wrong is not None and wrong.name != right.name:
        return None  # the first call may have done something that the new words are to change
    place = _place_of_words(example)
    found = corrected_call(wrong, right, example.tools, [str(example.messages[place]["content"])])
    if found is None or found.coverage < MIN_COVERAGE:
        return None
    call = {"function": {"name": found.call.name, "arguments": found.call.arguments}}
    return msgspec.structs.replace(
        example,
        messages=(*before[: place + 1], {"role": "assistant", "content": "", "tool_calls": [call]}),
        origin=example.origin + CORRECTED,
        reward=abs(example.reward),
        weight=min(example.weight, EDITED_WEIGHT),
        rejected=served,
        logged=None,
    )

"""Finds what people asked, so that a model can answer it again: what they judged, and what they let pass.

Every question is asked in the usual style of the prompts: the bot's own, or for one person that in which the person is
answered. There a new style is learned, so that it becomes the model's own. What is asked in another style by
instruction is left as it is: whoever asks for a style gets it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llmagent_os.chat import Message
from llmagent_os.training.bot_prompts import BotPrompts
from llmagent_os.training.reaction_data import ReactionData, asked_text, has_calls, right_calls
from llmagent_os.training.style_candidates import Question
from llmagent_os.training.training_example import TrainingExample
from llmagent_os.training.unjudged_chats import UnjudgedChat

#: The most questions that are answered again, the latest ones; those that were judged go first.
MOST_QUESTIONS = 96
#: The most of them that are asked in another style too.
MOST_IN_OTHER_STYLES = 48


def asked_in_words(
    examples: Sequence[TrainingExample],
    chats: Sequence[UnjudgedChat],
    prompts: BotPrompts,
    besides: frozenset[str] = frozenset(),
) -> list[Question]:
    """Give what was asked before replies in words, each once. Where a tool was due, no words are learned, nor where
    somebody has said that the words are wrong: the model would say the same again in another style.

    Args:
        examples: judged replies.
        chats: others.
        prompts: how the bot's model is asked.
        besides: prompts that must not be trained on, as :func:`~llmagent_os.training.reaction_data.asked_text`.
    """
    corrected = right_calls(examples)
    words = [each for each in examples if not has_calls(each) and each.of_wording and each.origin not in corrected]
    judged = [_question(each.messages[:-1], each, prompts) for each in words]
    passed = [_question(each.messages, each, prompts) for each in chats if not each.has_calls]
    found: dict[str, Question] = {}
    for each in [*reversed(judged), *reversed(passed)]:
        if asked_text(each.messages) not in besides:
            found.setdefault(str(each.messages), each)
    return list(found.values())[:MOST_QUESTIONS]


def in_other_styles(questions: Sequence[Question], prompts: BotPrompts, persona: str = "") -> list[Question]:
    """Ask each question in one of the styles that are not the usual one, in turn.

    Args:
        questions: in whatever style.
        prompts: how the bot's model is asked.
        persona: of a group, whose people are answered in this style: every second question is asked in it. Empty: none.
    """
    styles = list(prompts.other_styles.values())
    theirs = prompts.other_styles.get(persona)
    return [
        msgspec.structs.replace(
            each,
            messages=prompts.in_style(
                each.messages, theirs if theirs is not None and at % 2 == 0 else styles[at % len(styles)]
            ),
        )
        for at, each in enumerate(questions[:MOST_IN_OTHER_STYLES])
        if styles
    ]


def in_usual_style(example: TrainingExample, prompts: BotPrompts) -> TrainingExample:
    """Give a judged reply in words as the answer to the same question in the bot's usual style.

    Its tokens were drawn for another prompt then, so they say nothing of how likely it was.
    """
    *before, answer = example.messages
    usual = prompts.in_style(before, prompts.usual)
    if has_calls(example) or usual == tuple(before):
        return example
    return msgspec.structs.replace(example, messages=(*usual, answer), logged=None)


def held_out_in_usual_style(data: ReactionData, prompts: BotPrompts) -> ReactionData:
    """Ask what is held out in the usual style: for one person, as the person would be answered now."""
    test = [in_usual_style(each, prompts) for each in data.splits.test]
    return msgspec.structs.replace(data, splits=msgspec.structs.replace(data.splits, test=test))


def asked_for_tools(data: ReactionData) -> list[Question]:
    """Give the chats in which a tool was called and nobody minded."""
    return [
        Question(
            messages=each.messages,
            tools=each.tools,
            origin=each.origin,
            person=each.person,
            conversation=each.conversation,
        )
        for each in data.unjudged
        if each.has_calls
    ]


def _question(messages: Sequence[Message], of: TrainingExample | UnjudgedChat, prompts: BotPrompts) -> Question:
    return Question(
        messages=prompts.in_style(messages, prompts.usual),
        tools=of.tools,
        origin=of.origin,
        person=of.person,
        conversation=of.conversation,
    )

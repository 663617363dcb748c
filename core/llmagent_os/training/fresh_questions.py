"""Chooses the fresh questions that a personal version is asked before it may serve: as its person would ask them now.

Those that the person asked come first: what is held out, and what nobody judged. Few people ask enough, so the talk
that the bot's makers ask every version stands beside. Nothing that was learned is among them.
"""

from __future__ import annotations

from llmagent_os.identity import PersonId
from llmagent_os.training.asked_questions import asked_in_words
from llmagent_os.training.bot_prompts import BotPrompts
from llmagent_os.training.probe import Probe
from llmagent_os.training.reaction_data import ReactionData, asked_text

#: The most questions of the person, and the most of the bot's makers.
MOST_QUESTIONS = 32


def fresh_questions(data: ReactionData, prompts: BotPrompts, person: PersonId) -> tuple[Probe, ...]:
    """Give the questions, each once, in the style in which the person is answered.

    Args:
        data: what the person thought of the bot's replies.
        prompts: those of the person.
        person: whose version is asked.
    """
    learned = {asked_text(each.messages) for each in data.learned}
    learned |= {asked_text(each.messages) for each in (*data.unjudged, *data.validation_chats)}
    asked = asked_in_words(data.splits.test, data.fresh_chats, prompts, frozenset(learned))[:MOST_QUESTIONS]
    probes = [Probe(messages=each.messages, tools=each.tools, person=person) for each in asked]
    talk = [
        Probe(messages=each.messages, tools=each.tools, person=person)
        for each in prompts.probes.other_talk(prompts.system, prompts.tools).probes
        if not each.choices
    ]
    found: dict[str, Probe] = {}
    for each in (*probes, *talk[:MOST_QUESTIONS]):
        if (text := asked_text(each.messages)) not in learned:
            found.setdefault(text, each)
    return tuple(found.values())

"""What an agent remembers of a conversation: this person's latest exchanges, and the question still open."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import msgspec

from llmagent_os.chat import tool_message
from llmagent_os.events import Event
from llmagent_os.ledger import Interaction, Ledger

#: A pause after which a person starts afresh: a new episode, and nothing before it is shown to the model.
PAUSE = timedelta(minutes=45)

#: So many reminders and commands may stand between exchanges before they push them out.
BETWEEN = 8

_YES = frozenset(
    "yes y yeah yep yup sure ok okay do it go ahead please confirm confirmed correct right absolutely definitely"
    " of course delete them all".split()
)
_UNDO = frozenset("undo that it this take back please oops".split())
_NO = frozenset("no n nope nah don't dont do not stop cancel keep it them leave never mind nevermind thanks".split())


class Episode(msgspec.Struct, frozen=True):
    """One stretch of talk with one person in one conversation. Other people's words are never in it."""

    episode_id: str  #: empty: it begins now
    turns: tuple[Interaction, ...] = ()  #: oldest first

    @property
    def turn_index(self) -> int:
        """The place of the coming turn, from 0."""
        return self.turns[-1].turn_index + 1 if self.turns else 0

    def messages(self) -> list[dict[str, Any]]:
        """The exchanges as chat messages, tool calls and results among them."""
        out: list[dict[str, Any]] = []
        for turn in self.turns:
            if not turn.said:  # the model was not asked: a reminder, or a command
                continue
            out.append({"role": "user", "content": turn.said})
            for call in turn.tool_calls:
                function = {"name": call["name"], "arguments": call["arguments"]}
                out.append({"role": "assistant", "content": "", "tool_calls": [{"function": function}]})
                out.append(tool_message(call["result"]))
            # What was sent, which is not the completion where that was not true to the results.
            out.append({"role": "assistant", "content": turn.context.get("reply", turn.completion)})
        return out

    def button_meant(self, text: str) -> str | None:
        """The button that ``text`` means, where the last reply offered buttons and ``text`` plainly chooses one."""
        for turn in reversed(self.turns):
            value = _meant(turn.context.get("buttons", []), _plain(text))
            if value is not None or turn.said:
                return value
            # A reminder or a command that came in between does not close the question before it.
        return None


async def recall(ledger: Ledger | None, event: Event, user_id: str, limit: int) -> Episode:
    """The episode that ``event`` continues, with its latest ``limit`` exchanges, or a new one."""
    if ledger is None or limit == 0:
        return Episode("")
    turns = await ledger.history(event.conversation.key, user_id, limit + BETWEEN)
    if not turns or event.at - turns[-1].created_at > PAUSE:
        return Episode("")
    episode = turns[-1].episode_id
    turns = [turn for turn in turns if turn.episode_id == episode]
    said = [at for at, turn in enumerate(turns) if turn.said]
    return Episode(episode, tuple(turns[said[-limit] :] if len(said) > limit else turns))


def _meant(buttons: list[list[str]], said: str) -> str | None:
    for label, value in buttons:
        if said == _plain(label):
            return value
    labels = {_plain(label).split(" ")[0]: value for label, value in buttons}
    for words, label in ((_YES, "yes"), (_NO, "no"), (_UNDO, "undo")):
        if label in labels and said and all(word in words for word in said.split()):
            return labels[label]
    return None


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower()))

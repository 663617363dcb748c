"""What an agent remembers of a conversation: the person's latest exchanges, and the question that is still open."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec

from llmagent_os.chat import tool_message
from llmagent_os.events import Event
from llmagent_os.identity import Identity
from llmagent_os.languages import LazyText
from llmagent_os.ledger import Interaction, Latest, Ledger
from llmagent_os.ledger.values import PASSAGES
from llmagent_os.tools.button_labels import NO, UNDO, YES

#: After a pause of this length a new episode begins, and the model is shown nothing from before it.
EPISODE_PAUSE = timedelta(minutes=45)

#: How many reminders and commands may stand between the exchanges that are read, before they push exchanges out.
EXTRA_TURNS = 8

#: How many turns back a dangerous question may lie that "yes" is taken to mean.
CONSENT_TURNS = 3

#: Stands for a reply that a document had a part in.
FROM_DOCUMENT = "(I answered from a document.)"

_YES = frozenset(
    "yes y yeah yep yup sure ok okay do it go ahead please confirm confirmed correct right absolutely definitely"
    " of course delete them all ja bitte gern gerne sí si claro vale por favor 是 是的 好 好的 可以".split()
)
_UNDO = frozenset("undo that it this take back please oops rückgängig bitte deshacer deshaz eso 撤销".split())
_NO = frozenset(
    "no n nope nah don't dont do not stop cancel keep it them leave never mind nevermind thanks nein danke"
    " gracias mejor 不 不要 不用 否".split()
)


class Offered(NamedTuple):
    """A button of an earlier reply, as the ledger keeps it."""

    label: str
    value: str
    style: str = "default"

    @property
    def is_danger(self) -> bool:
        """Whether what the button does cannot be taken back."""
        return self.style == "danger"


class Episode(msgspec.Struct, frozen=True):
    """One stretch of talk with one person in one conversation. It never holds words of other people."""

    episode_id: str  #: empty: the episode begins now
    turns: tuple[Interaction, ...] = ()  #: oldest first

    @property
    def turn_index(self) -> int:
        """The place of the coming turn, from 0."""
        return self.turns[-1].turn_index + 1 if self.turns else 0

    @property
    def question(self) -> str:
        """The reply of the last exchange, where it ends with a question; empty: it asks nothing."""
        last = next((turn for turn in reversed(self.turns) if turn.said), None)
        said = "" if last is None or last.context.get(PASSAGES) else str(last.context.get("reply", ""))
        return said if said.rstrip().endswith("?") else ""

    def messages(self, *, documents: bool = True) -> list[dict[str, Any]]:
        """The exchanges as chat messages, with their tool calls and results.

        Args:
            documents: whether to show replies that a document had a part in. A model that may call tools is not shown
                them: the document could have it call one.
        """
        out: list[dict[str, Any]] = []
        for turn in self.turns:
            if not turn.said:  # no model was asked: a reminder, or a command
                continue
            out.append({"role": "user", "content": turn.said})
            for call in turn.tool_calls:
                function = {"name": call["name"], "arguments": call["arguments"]}
                out.append({"role": "assistant", "content": "", "tool_calls": [{"function": function}]})
                out.append(tool_message(call.get("result", {})))
            # What was sent. It differs from the completion where the completion was not true to the results.
            said = turn.context.get("reply", turn.completion)
            hidden = not documents and turn.context.get(PASSAGES)
            out.append({"role": "assistant", "content": FROM_DOCUMENT if hidden else said})
        return out

    def button_meant(self, text: str) -> str | None:
        """The value of the button of the last reply that ``text`` plainly means. None: it means no button.

        A dangerous button is meant by its label only, in the turn after the question. Whatever comes in between, a
        command too, closes the question for words; the button itself stays.
        """
        last = self.last_turn
        for turn in reversed(self.turns):
            buttons = [Offered(*button) for button in turn.context.get("buttons", [])]
            value = _meant(buttons, _plain(text), next_turn=turn is last)
            if value is not None or turn.said or any(button.is_danger for button in buttons):
                return value
            # The turn was a reminder or a command: it does not close the question before it.
        return None

    def unclear_consent(self, text: str) -> tuple[Offered, ...]:
        """The buttons of the dangerous question that ``text`` agrees to in other words than it must; mostly none.

        "ok" is no consent to what cannot be taken back, and it is no new topic either. The same holds for "yes" to a
        question that other turns stand behind: a list may have said that it still waits.
        """
        if not _agrees(_plain(text)):
            return ()
        for turn in [turn for turn in reversed(self.turns) if turn.context.get("intent") != "timer"][:CONSENT_TURNS]:
            buttons = tuple(Offered(*button) for button in turn.context.get("buttons", []))
            if any(button.is_danger for button in buttons):
                return buttons
            if turn.context.get("intent") == "button":  # it was answered
                return ()
        return ()

    @property
    def last_turn(self) -> Interaction | None:
        """The last turn that the person began: reminders come by themselves."""
        return next((turn for turn in reversed(self.turns) if turn.context.get("intent") != "timer"), None)


async def recall(
    ledger: Ledger | None, event: Event, identity: Identity, limit: int, latest: Latest | None = None
) -> Episode:
    """The episode that ``event`` continues, or a new one.

    Args:
        ledger: keeps the exchanges; None: every episode is new.
        event: what happened.
        identity: the account that did it.
        limit: how many of the latest exchanges to read.
        latest: what was read for the event already; None: nothing was.
    """
    if ledger is None or limit == 0:
        return Episode("")
    if latest is not None:
        turns = [*latest.turns[-limit - EXTRA_TURNS :]]
    else:
        turns = await ledger.history(event.conversation.key, identity, limit + EXTRA_TURNS)
    if not turns or event.at - turns[-1].created_at > EPISODE_PAUSE:
        return Episode("")
    episode = turns[-1].episode_id
    turns = [turn for turn in turns if turn.episode_id == episode]
    said = [at for at, turn in enumerate(turns) if turn.said]
    return Episode(episode, tuple(turns[said[-limit] :] if len(said) > limit else turns))


def _meant(buttons: Sequence[Offered], said: str, *, next_turn: bool) -> str | None:
    for button in buttons:
        if said == _plain(button.label) and (next_turn or not button.is_danger):
            return button.value
    if any(button.is_danger for button in buttons) and _agrees(said):
        return None  # "do it" would mean "no" then: its words are also those of "do not"
    for words, label in ((_YES, YES), (_NO, NO), (_UNDO, UNDO)):
        if said and all(word in words for word in said.split()):
            found = [button.value for button in buttons if not button.is_danger and _begins(button.label, label)]
            if found:
                return found[-1]
    return None


def _begins(label: str, text: LazyText) -> bool:
    """Whether a label begins with a text, in English or in the language in force."""
    first = _plain(label).split(" ")[0]
    return first in (_plain(text.message).split(" ")[0], _plain(str(text)).split(" ")[0])


def _agrees(said: str) -> bool:
    return bool(said) and all(word in _YES for word in said.split())


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower()))

"""Decides when a person is asked why they did not like a reply, and writes the question: one tap answers it.

The question comes seldom. It is asked once for a reply, only of the person whom the reply answered, only after a 👎 on
a reply that a behaviour was chosen for, and only if the person may be learned from. After a question so many replies
come without one as the bot's configuration says. A question that was ignored doubles that number for the next one.
Whoever says "don't ask me why" is not asked again: the preference :data:`ASK_WHY`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from llmagent_os.adapter import Button, Capabilities, Reply
from llmagent_os.events import PRESSED, Event, Reaction, event_key
from llmagent_os.feedback.kept_reasons import OFFERED, dislikes, reason_row, standing_reason
from llmagent_os.identity import Identity, identity_of
from llmagent_os.languages import LazyText, gettext, lazy_gettext
from llmagent_os.ledger import Interaction, Ledger, RewardEvent
from llmagent_os.people.directory import Directory

#: Begins the value of every button of a question. The code of a reason and the reply's id come after it.
WHY = "agent:why:"
#: In the place of a code: the person does not want to be asked any more.
NEVER = "never"
#: The preference that says whether a person is asked.
ASK_WHY = "ask_why"

QUESTION = lazy_gettext("What did you not like about it?")


def closed_question() -> Reply:
    """What the question becomes where its 👎 was taken back."""
    return Reply(gettext("You took the 👎 back, so there is nothing to say."))


#: What people read for each reason. The keys are those of :data:`OFFERED`.
LABELS: Mapping[str, LazyText] = MappingProxyType(
    {
        "wrong": lazy_gettext("It is wrong"),
        "too_long": lazy_gettext("Too long"),
        "too_short": lazy_gettext("Too short"),
        "tone": lazy_gettext("The tone"),
        "unasked": lazy_gettext("Not asked for"),
        "other": lazy_gettext("Something else"),
    }
)
#: What people read who do not want to be asked.
NEVER_LABEL = lazy_gettext("Don't ask me why")

#: How often the number of replies between two questions doubles, at most.
MAX_DOUBLINGS = 4


class ReasonQuestions:
    """Asks for the reasons of 👎."""

    def __init__(
        self,
        ledger: Ledger,
        directory: Directory,
        *,
        pause_replies: int,
        quiet_until: Callable[[Event], Awaitable[datetime | None]] | None = None,
    ) -> None:
        """Args:
        ledger: keeps when a person was asked.
        directory: knows the person behind an account, and what they want.
        pause_replies: how many replies a person gets after a question, at least, before the next one.
        quiet_until: when the bot may begin something by itself again for the person of an event; None: at any time.
        """
        self._ledger = ledger
        self._directory = directory
        self._pause_replies = pause_replies
        self._quiet_until = quiet_until

    async def question(self, event: Reaction, on: Interaction, capabilities: Capabilities) -> Reply | None:
        """Return the question to ask about a reaction, and note in the ledger that it is asked. None: none is asked.

        The same event gives the same question, so that a crash in between does not lose it.

        Args:
            event: the reaction, which is in the ledger already.
            on: the reply that it is on.
            capabilities: what the platform can do. In a group it must be able to ask one person alone, or the person
                must have pressed a button: nobody reads questions there that are meant for somebody else.

        Raises:
            LedgerError: the ledger cannot be read or written.
            ProfileError: the profile's file is damaged.
        """
        in_group = event.conversation.kind == "group"
        if event.action == "removed" or not capabilities.buttons or not on.action:
            return None
        if in_group and not (capabilities.whispers or event.emoji.startswith(PRESSED)):
            return None
        who = await self._directory.identities_of(identity_of(event))
        if on.user_id not in who or not await self._may_ask(event, on, who):
            return None
        if self._quiet_until is not None and await self._quiet_until(event) is not None:
            return None
        await self._ledger.add_reward(reason_row(on, event, "ask", event.at, mark="ask"))
        return Reply(
            str(QUESTION),
            buttons=_buttons(on.interaction_id),
            only_for=event.sender.user_id if in_group else None,
            under=event.message_id,
        )

    async def _may_ask(self, event: Reaction, on: Interaction, who: Sequence[Identity]) -> bool:
        rows = await self._ledger.rewards_of(on.interaction_id)
        if not dislikes(rows, who) or standing_reason(rows, who) is not None:
            return False
        person_id = await self._directory.person_of(identity_of(event))
        profile = await self._directory.profile(person_id)
        if profile.preferences.get(ASK_WHY) == "off" or not await self._directory.consents(person_id):
            return False
        latest = await self._ledger.reasons.latest(who)
        asked = [row for row in latest if row.op == "ask"]
        if any(row.interaction_id == on.interaction_id for row in asked):
            return any(row.reward_id == f"{event_key(event)}:ask" for row in asked)
        if not asked:
            return True
        since = await self._ledger.reasons.replies_since(who, asked[0].interaction_id)
        pause: int = self._pause_replies << min(_ignored(latest), MAX_DOUBLINGS)
        return since >= pause


def _ignored(latest: Sequence[RewardEvent]) -> int:
    """How many of the last questions in a row were not answered. The rows come newest first."""
    answered = {row.interaction_id for row in latest if row.op == "add"}
    count = 0
    for row in latest:
        if row.op == "ask":
            if row.interaction_id in answered:
                break
            count += 1
    return count


def _buttons(interaction_id: str) -> tuple[Button, ...]:
    offered = [Button(str(LABELS[code]), f"{WHY}{code}:{interaction_id}") for code in OFFERED]
    return (*offered, Button(str(NEVER_LABEL), f"{WHY}{NEVER}:{interaction_id}"))

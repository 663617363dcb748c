"""What the parts cost that have no benchmark of their own: processor time on one thread, medians.

The figures are in the pages of ``docs/``. A ledger in a file is used, as a running bot does::

    python -m benchmarks.module_costs [--rounds 300]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from llmagent_os.adapter import Capabilities, Receipt, Reply
from llmagent_os.bot import Bot
from llmagent_os.events import Conversation, Message, Reaction, Sender
from llmagent_os.feedback.emoji_table import EMOJI
from llmagent_os.feedback.reactions import Reactions
from llmagent_os.feedback.reason_questions import ReasonQuestions
from llmagent_os.identity import Identity
from llmagent_os.ledger import Interaction, Ledger
from llmagent_os.ledger.audit_log import AuditEntry
from llmagent_os.people.budget_config import BudgetConfig
from llmagent_os.people.budgets import Budgets
from llmagent_os.people.directory import Directory
from llmagent_os.people.profiles import Profiles
from llmagent_os.people.roles import Roles
from llmagent_os.privacy.masking import load_detectors, redact, without_secrets
from llmagent_os.serving.token_tally import TokenTally

SAID = "Remind me to call Ana Pérez at +49 30 1234567 or ana@example.org on Friday at noon, please, and book a table."
LIMITS = {"person": {"day": {"messages": 1_000_000, "tokens": 1_000_000_000}}, "bot": {"month": {"money": 1e9}}}
ANA = Identity("bench::ana")


async def median_ms(rounds: int, work: Callable[[int], Awaitable[object]]) -> float:
    """The median milliseconds of processor time that ``work`` takes, threads included."""
    taken: list[float] = []
    for number in range(rounds):
        began = time.process_time()
        await work(number)
        taken.append(time.process_time() - began)
    return 1000 * statistics.median(taken)


async def main(rounds: int) -> None:
    """Measure, and print one line for each."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = await Ledger.open(f"sqlite:///{Path(folder) / 'ledger.db'}")
        price = {"read": 0.15, "written": 0.6, "currency": "USD"}
        budgets = Budgets(
            ledger,
            Directory(ledger, None),
            BudgetConfig.model_validate({**LIMITS, "price": price}),
            bot="b",
            zone="UTC",
        )
        roles = Roles(owners="slack:T1:U1", admins=",".join(f"slack:T1:U{number}" for number in range(2, 30)))
        load_detectors()
        replies: list[Interaction] = []
        reactions = Reactions(ledger, EMOJI, 0.0)
        questions = ReasonQuestions(ledger, Directory(ledger, Profiles(Path(folder) / "profiles")), pause_replies=10)

        async def budget(number: int) -> None:
            event = _message(number)
            await budgets.take(event)
            await budgets.add(event, TokenTally(prompt_tokens=300, completion_tokens=30))

        async def audit(number: int) -> None:
            entry = AuditEntry(
                at=datetime.now(UTC), actor=str(ANA), role="admin", action="approve", subject=str(number)
            )
            await ledger.audit.add(entry)

        async def role(_: int) -> None:
            roles.role(Identity("slack:T1:U29"))

        async def mask(number: int) -> None:
            without_secrets(f"{number} {SAID}")  # another text each time: lines are remembered

        async def mask_all(number: int) -> None:
            redact(f"No. {number}: {SAID}")

        async def thumb(number: int) -> None:
            event = _message(number)
            made = Interaction(
                interaction_id=f"bench:{number}",
                event_id=event.event_id,
                user_id=ANA,
                conversation_key=event.conversation.key,
                action={"verbosity": "brief"},
            )
            await ledger.accept(event, max_pending=100)
            await ledger.prepare(event, Reply("hello"), made)
            await ledger.finish(event, Receipt((f"r{number}",)))
            replies.append(made)

        async def dislike(number: int) -> None:
            made = replies[number]
            event = Reaction(
                event_id=f"d{number}",
                conversation=_message(number).conversation,
                sender=Sender("ana"),
                message_id=f"r{number}",
                emoji="👎",
                action="added",
            )
            await reactions.join(event)
            await questions.question(event, made, Capabilities(buttons=True))

        async def bot_file(_: int) -> None:
            Bot.load("calendar")

        for name, work in (
            ("budgets: a message taken, and its tokens added", budget),
            ("audit log: an entry", audit),
            ("roles: what an account may", role),
            ("masking: secrets out of a message of 110 characters", mask),
            ("masking: secrets, addresses and phones out of it", mask_all),
            ("a reply stored, to compare with", thumb),
            ("feedback: a 👎 joined to its reply, and whether to ask why", dislike),
            ("bot.toml: read and checked", bot_file),
        ):
            print(f"{await median_ms(rounds, work):9.3f} ms  {name}")
        await ledger.close()


def _message(number: int) -> Message:
    room = Conversation(platform="bench", channel="ana")
    return Message(event_id=str(number), conversation=room, sender=Sender("ana"), text=SAID, message_id=str(number))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=300)
    asyncio.run(main(options.parse_args().rounds))

"""What breaks without this: ``/profile`` waits until a bot has learned everything that people go on reacting to."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from llmagent_os.commands.taste_report import REPORT_ODDS, SAID_BEHIND, taste_report
from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.modules import BehaviorModule
from llmagent_os.people.profiles import Profiles
from llmagent_os.policy.contract import DIMENSIONS
from llmagent_os.policy.dimensions import starting
from llmagent_os.policy.learned import make_behavior
from llmagent_os.policy_worker import PolicyWorker
from llmagent_os.policy_worker.tastes import Taste
from llmagent_os.reply.exchange import open_exchange
from llmagent_os.reply.services import Services
from llmagent_os.testing import MemoryAdapter
from tests.reward_history import write_history


async def test_the_profile_answers_with_what_is_known_and_says_that_more_is_to_come(tmp_path: Path) -> None:
    """It took up to 113 seconds under load."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    write_history(tmp_path / "ledger.db", ["ana", "ben"] * SAID_BEHIND)
    defaults = starting(DIMENSIONS, {})
    policy = make_behavior("reinforce", defaults, None, 0.03)
    worker = PolicyWorker(policy, ledger, "bot")
    services = Services(
        behavior=BehaviorModule(policy, defaults=defaults),
        profiles=Profiles(tmp_path / "profiles"),
        ledger=ledger,
        policy_worker=worker,
    )
    await worker.open()
    asked = MemoryAdapter().message("/profile", user="ana")
    exchange = await open_exchange(services, asked, intent="command", turns=0)
    said = await taste_report(services, exchange)
    assert f"From your reactions on {SAID_BEHIND} replies I have learned" in said
    assert "I am still learning from about 200 reactions" in said
    assert worker.behind == 200, "nothing was waited for"
    await worker.catch_up()
    said = await taste_report(services, exchange)
    assert "short answers" in said and "still learning" not in said
    await ledger.close()


async def test_what_is_only_the_prior_is_not_said_to_be_learned(tmp_path: Path) -> None:
    """Everybody else likes short answers. Of a person whose one reply taught next to nothing, that is no knowledge."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    write_history(tmp_path / "ledger.db", [f"p{number % 12}" for number in range(240)])
    defaults = starting(DIMENSIONS, {})
    worker = PolicyWorker(make_behavior("bayes", defaults, None, 0.03), ledger, "bot")
    await worker.open()
    await worker.catch_up()
    tastes = worker.tastes(PersonId("newcomer"))
    assert max(taste.chance for taste in tastes.values()) > 0.6, "the prior says something"
    assert all(taste.odds_learned == 1 for taste in tastes.values())
    known = PersonId("memory::p1")
    await worker.load(known)
    assert max(taste.odds_learned for taste in worker.tastes(known).values()) > REPORT_ODDS
    await ledger.close()


async def test_a_persons_own_reply_that_teaches_nothing_leaves_it_open() -> None:
    class Worker:
        behind = 0

        async def reply_counts(self, _: PersonId) -> tuple[int, int]:
            return 0, 1

        async def load(self, _: PersonId) -> None: ...

        def tastes(self, _: PersonId) -> dict[str, Taste]:
            return {"verbosity": Taste("brief", 0.78, 0.76), "mode": Taste("conversational", 0.78, 0.5)}

    services = Services(policy_worker=cast("PolicyWorker", Worker()))
    exchange = await open_exchange(services, MemoryAdapter().message("/profile", user="ana"), intent="command", turns=0)
    said = await taste_report(services, exchange)
    assert "normal, brief or detailed: I cannot tell yet" in said
    assert "(78% sure)" in said and said.count("sure") == 1

"""What breaks without this: a policy goes on with what it learned from people who are erased or linked since."""

from __future__ import annotations

from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from tests.unit.ledger.samples import reward


async def test_parts_are_stored_with_the_row_up_to_which_they_were_learned(ledger: Ledger) -> None:
    """After a crash, rewards would be learned twice or not at all."""
    assert await ledger.policy_state("bayes") == (None, {})
    assert await ledger.keep_policy("bayes", 3, {"": b"shared", "ana": b"1"}, before=None)
    assert await ledger.keep_policy("bayes", 5, {"ana": b"2"}, before=3)
    assert await ledger.policy_state("bayes") == (5, {"": b"shared", "ana": b"2"})
    assert await ledger.policy_state("bayes", ("ana", "ben")) == (5, {"ana": b"2"})
    assert await ledger.policy_state("other") == (None, {})
    await ledger.drop_policy("bayes")
    assert await ledger.policy_state("bayes") == (None, {})


async def test_what_was_learned_before_an_erasure_is_not_stored_after_it(ledger: Ledger) -> None:
    """What was learned of a person who is erased would come back."""
    await ledger.add_reward(reward("7", "web:1"))
    assert await ledger.keep_policy("bayes", 1, {"web::u": b"likes tea"}, before=None)
    await ledger.forget(Identity("web::u"))
    assert await ledger.policy_state("bayes") == (None, {})
    assert not await ledger.keep_policy("bayes", 2, {"web::u": b"likes tea"}, before=1)
    assert await ledger.policy_state("bayes") == (None, {})

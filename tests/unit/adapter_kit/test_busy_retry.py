"""Offering an event again. What breaks without this: a message that came while the bot was busy is never answered."""

from __future__ import annotations

import pytest

from llmagent_os.adapter_kit import busy_retry
from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.adapter_kit.busy_retry import retry_while_busy
from llmagent_os.errors import BadEventError, HostBusyError, LedgerError


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setattr(busy_retry, "PAUSES", Backoff(first=0.0, jitter=0.0))


class Host:
    """A host that refuses a few times."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)

    async def accept(self) -> bool:
        if self.refusals:
            raise self.refusals.pop(0)
        return True


async def test_an_event_is_offered_until_the_host_takes_it() -> None:
    host = Host(HostBusyError(), LedgerError("locked"), HostBusyError())
    assert await retry_while_busy(host.accept, "e1")
    assert host.refusals == []


async def test_a_host_that_stays_busy_does_not_block_a_channel_for_ever() -> None:
    host = Host(*[HostBusyError() for _ in range(1000)])
    assert not await retry_while_busy(host.accept, "e1", give_up_seconds=-1.0)
    assert len(host.refusals) == 999


async def test_an_event_is_never_given_up_because_the_ledger_fails() -> None:
    host = Host(LedgerError("locked"), LedgerError("locked"))
    assert await retry_while_busy(host.accept, "e1", give_up_seconds=-1.0)


async def test_any_other_error_is_raised() -> None:
    """A malformed event would be offered for ever."""
    with pytest.raises(BadEventError):
        await retry_while_busy(Host(BadEventError("malformed")).accept, "e1")

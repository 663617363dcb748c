"""What breaks without this: whoever runs a bot cannot see that it is still learning, or takes that for a failure."""

from __future__ import annotations

from llmagent_os.host.health import Health


async def test_the_report_says_how_many_rewards_are_not_learned_yet() -> None:
    health = Health("bot", "model")
    assert (await health.report())["learning"] == {"rewards_behind": 0}
    health.watch_learning(lambda: 24_978)
    health.status.taking = True
    health.status.adapters["web"] = "running"
    report = await health.report()
    assert report["learning"] == {"rewards_behind": 24_978}
    assert report["ok"], "learning is no failure"

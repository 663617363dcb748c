"""What the doctor says of a cluster. With a real one: tests/unit/cluster/test_ray_cluster.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from llmagent_os.admin.cluster_check import check_cluster
from llmagent_os.admin.findings import Finding
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError


async def findings(data: Path, **given: object) -> list[Finding]:
    settings = Settings.load(None, **({"data": data} | given))
    return [each async for each in check_cluster(settings, Bot.load("calendar"))]


async def test_an_installation_without_a_cluster_is_asked_nothing(tmp_path: Path) -> None:
    assert await findings(tmp_path) == []


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: the extra `ray`")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("token", ["", "0" * 64])
async def test_a_cluster_that_is_away_is_a_problem_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # whose token Ray would take
    monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    (found,) = await findings(tmp_path, ray_address="127.0.0.1:1", ray_work="jobs")
    assert (found.section, found.state) == ("cluster", "problem")
    assert ("there is no Ray cluster at 127.0.0.1:1" if token else "give every machine the same token") in found.text
    assert ("LLMAGENT_OS_RAY_ADDRESS" if token else "the cluster's token") in found.remedy


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: the extra `ray`")
@pytest.mark.timeout(300)
async def test_an_address_where_nothing_listens_is_said_before_ray_tries(tmp_path: Path) -> None:
    """Ray would try for minutes, and say that there was no answer."""
    (found,) = await findings(tmp_path, ray_address="[::1]:1", ray_work="jobs")
    assert (found.section, found.state) == ("cluster", "problem")
    assert "there is no Ray cluster at [::1]:1" in found.text and "Errno" in found.text


def test_fewer_replicas_under_load_than_always_are_refused() -> None:
    """They would be as many as there are always, and nobody would know why no more are started."""
    with pytest.raises(ConfigError, match=r"RAY_MOST_REPLICAS.* 2 replicas under load are fewer than the 4 that there"):
        Settings.load(None, ray_replicas=4, ray_most_replicas=2)
    assert Settings.load(None, ray_replicas=4).ray_most_replicas == 0
    assert Settings.load(None, ray_replicas=4, ray_most_replicas=4).ray_most_replicas == 4

"""A real Ray cluster of two nodes. What breaks without this: replies and trainings are lost with a machine.

The first node has one processor, and the second two: a training that asks for more than one runs on the second, which
can be killed.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from llmagent_os.admin.cluster_check import check_cluster
from llmagent_os.admin.findings import Finding
from llmagent_os.bot import Bot
from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.config import Settings
from llmagent_os.errors import ModelSetupError, ModelUnavailableError
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.training_values import JobStatus
from llmagent_os.llm import LLM
from llmagent_os.serving.tool_call_parsing import InvalidCallError
from llmagent_os.training.job_folders import LOG_FILE
from llmagent_os.training.job_order import ClusterWork
from llmagent_os.training.job_runner import run_job
from llmagent_os.training.lora_folder import sha256_of
from tests.ray_nodes import RayNodes, ray_nodes
from tests.training_plans import counted_lora
from tests.unit.cluster.conftest import LORAS, assert_same, kinds_of_requests, request
from tests.unit.training.conftest import JobBench

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: the extra `ray`"),
    pytest.mark.timeout(300),
]

CHECKOUT = Path(__file__).parents[3]
MUCH = 1e6  #: seconds


class Served:
    """A cluster whose replicas serve a model."""

    def __init__(self, nodes: RayNodes, models: Path, data: Path) -> None:
        self.nodes = nodes
        self.models = models
        self.data = data
        self._environment = {
            **os.environ,
            **nodes.environment,
            "LLMAGENT_OS_DATA": str(data),
            "LLMAGENT_OS_MODEL": str(models / "model"),
            "LLMAGENT_OS_SLOTS": "4",
            "LLMAGENT_OS_RAY_REPLICAS": "2",
            "LLMAGENT_OS_RAY_MOST_REPLICAS": "2",
            "LLMAGENT_OS_RAY_REPLICA_CPUS": "0.2",
            "OMP_NUM_THREADS": "1",
        }

    def command(self, *words: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run ``llmagent-os cluster``."""
        program = (sys.executable, "-c", "from llmagent_os.cli import main; main()", "cluster", *words)
        given = (*program, "--address", self.nodes.address)
        environment = self._environment | changed
        return subprocess.run(given, env=environment, capture_output=True, text=True, timeout=200)

    async def examined(self, **given: Any) -> list[Finding]:
        """What the doctor says of the cluster."""
        settings = Settings.load(
            None,
            data=self.data,
            model=str(self.models / "model"),
            ray_address=self.nodes.address,
            ray_work="model+jobs",
            **given,
        )
        return [each async for each in check_cluster(settings, Bot.load("calendar"))]

    def llm(self, **options: Any) -> LLM:
        """The model, from the cluster."""
        return LLM.from_pretrained(f"ray:{self.models / 'model'}", address=self.nodes.address, **options)

    def local(self) -> LLM:
        """The model, in this process."""
        return LLM.from_pretrained(str(self.models / "model"), threads=1)


@pytest.fixture(scope="module")
def served(cluster_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    with pytest.MonkeyPatch.context() as patch, ray_nodes(CHECKOUT) as nodes:
        for name, value in nodes.environment.items():
            patch.setenv(name, value)
        served = Served(nodes, cluster_models, tmp_path_factory.mktemp("data"))
        started = served.command("start", "calendar")
        assert started.returncode == 0, started.stderr
        assert "replicas: 2 running" in started.stdout
        yield served


@pytest.fixture(scope="module")
def llm(served: Served) -> Generator[LLM]:
    """One for all tests: each has a process of its own, which takes a second to connect."""
    with served.llm() as llm:
        yield llm


async def answered_by(llm: LLM, asked: ChatRequest) -> str:
    """The replica that answers a request."""
    with capture_logs() as logs:
        await llm.complete(asked)
    return next(str(each["replica"]) for each in reversed(logs) if "replica" in each)


async def test_a_replica_says_what_the_engine_in_this_process_says(served: Served, llm: LLM) -> None:
    """Tokens, log-probabilities, constraints, calls, versions: a reply that is learned from must be the same."""
    asked = kinds_of_requests(served.models)
    async with served.local() as local:
        for each in asked:
            expected, found = await _outcome(local, each), await _outcome(llm, each)
            assert expected.token_ids and expected.logprobs and expected.constraint
            assert_same(found, expected)


async def _outcome(llm: LLM, asked: ChatRequest) -> Completion:
    """The reply, or the one that was no valid call."""
    try:
        return await llm.complete(asked)
    except InvalidCallError as error:
        return error.rejected[-1]


async def test_a_request_goes_to_the_replica_that_holds_its_lora(served: Served, llm: LLM) -> None:
    """Otherwise every replica reads every LoRA, and none has room for those that it needs."""
    loras = [str(served.models / f"lora-{number}") for number in range(LORAS)]
    for lora in loras:  # which replica takes a new one, Ray decides
        await llm.complete(request(lora=lora))
    first = [await answered_by(llm, request(lora=lora)) for lora in loras]
    for again in range(3):
        assert [await answered_by(llm, request(again, lora=lora)) for lora in loras] == first


async def test_a_reply_whose_replica_is_killed_comes_whole_and_is_shown_once(served: Served, llm: LLM) -> None:
    asked = request(max_tokens=150)
    async with served.local() as local:
        expected = await local.complete(asked)
    shown: list[str] = []
    killed: list[int] = []

    with capture_logs() as logs:

        async def show(text: str) -> None:
            shown.append(text)
            if len(text) > 40 and not killed:
                replica = next(each["replica"] for each in logs if "replica" in each)
                killed.append(int(replica.rpartition(":")[2]))
                os.kill(killed[0], signal.SIGKILL)

        completion = await llm.complete(asked, show)
    assert killed and any("was lost" in each["event"] for each in logs)
    assert_same(completion, expected)
    assert shown[-1] == expected.text
    assert all(later.startswith(earlier) and later != earlier for earlier, later in pairwise(shown))


async def test_a_request_that_nobody_waits_for_frees_its_slot(llm: LLM) -> None:
    begun = asyncio.Event()

    async def show(text: str) -> None:
        begun.set()

    asked = [request(number, max_tokens=8000, temperature=0.0) for number in range(6)]
    with capture_logs() as logs:
        endless = [asyncio.create_task(llm.complete(each, show)) for each in asked]
        await begun.wait()
        for task in endless:
            task.cancel()
        await asyncio.gather(*endless, return_exceptions=True)
        used = {each["replica"] for each in logs if "replica" in each}
    assert used and all(task.cancelled() for task in endless)
    free: set[str] = set()
    for number in range(200):  # a reply of 8,000 tokens would take far longer than these
        with capture_logs() as logs:
            await llm.complete(request(number, max_tokens=1))
        free |= {each["replica"] for each in logs if "replica" in each and each["writing"] == each["waiting"] == 0}
        if used <= free:
            break
    assert used <= free


async def test_an_upgrade_under_traffic_loses_no_reply(served: Served, llm: LLM) -> None:
    before = {await answered_by(llm, request(number)) for number in range(12)}
    ended = asyncio.Event()

    async def talk(number: int) -> int:
        count = 0
        while not ended.is_set():
            completion = await llm.complete(request(number, lora=str(served.models / f"lora-{number}")))
            assert completion.lora_version.startswith(f"lora-{number}@")
            count += 1
            await asyncio.sleep(0.1)  # people read, and the machine has more to do than to answer
        return count

    talking = [asyncio.create_task(talk(number)) for number in range(4)]
    started = await asyncio.to_thread(served.command, "start", "calendar")
    ended.set()
    counts = await asyncio.gather(*talking)
    assert started.returncode == 0, started.stderr
    assert min(counts) > 0
    after = {await answered_by(llm, request(number)) for number in range(12)}
    assert not after & before, "the replicas of before still answer"


async def test_a_training_goes_on_where_it_was_when_its_node_is_killed(
    served: Served, llm: LLM, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """And so do people's replies: the node has replicas, too."""
    data, url = tmp_path / "data", f"sqlite:///{tmp_path}/data/ledger.db"
    ledger = await Ledger.open(url)
    bench = JobBench(data, ledger, url)
    begun = tmp_path / "begun.txt"
    setting = bench.setting(steps=60, seconds=0.1, begun=str(begun), memory_gb=0.9)
    work = ClusterWork(address=served.nodes.address, cpus=1.5, storage=f"file://{tmp_path}/shared", save_seconds=0.2)
    job = await bench.ask()
    order = msgspec.structs.replace(setting, cluster=work).order(job.job_id, MUCH)
    training = asyncio.create_task(run_job(order, ledger))
    while (await bench.job(job.job_id)).progress.step < 15:
        assert not training.done(), (data / "jobs" / job.job_id / LOG_FILE).read_text()
        await asyncio.sleep(0.1)
    replies = [asyncio.create_task(llm.complete(request(number, max_tokens=200))) for number in range(8)]
    assert await asyncio.to_thread(served.nodes.tell, "kill") == "done"
    assert await asyncio.to_thread(served.nodes.tell, "add") == "done"
    await training
    done = await bench.job(job.job_id)
    log = (data / "jobs" / job.job_id / LOG_FILE).read_text()
    assert (done.status, done.tries) == (JobStatus.DONE, 1), log
    version = await bench.registry.get(done.version)
    assert version.sha256 == sha256_of(counted_lora(tmp_path / "whole", 60))
    starts = [int(line) for line in begun.read_text().split()]
    assert starts[0] == 0 and starts[-1] > 0
    assert "the node of the job was lost" in log and "goes on from what was saved" in log
    assert not list((tmp_path / "shared").rglob("files-*")), "the job's checkpoint is left behind"
    assert len({each.text for each in await asyncio.gather(*replies)}) > 1
    await ledger.close()


async def test_who_is_wrong_is_told_so(served: Served) -> None:
    nowhere = LLM.from_pretrained("ray:calendar", address="127.0.0.1:1")
    reaching = asyncio.create_task(nowhere.complete(request()))
    huge = await asyncio.to_thread(served.command, "start", "calendar", LLMAGENT_OS_RAY_REPLICA_GPUS="8")
    assert huge.returncode == 2
    assert "asks one node for 0.2 CPUs, 8 GPUs, and no node of the cluster has as much" in huge.stderr
    async with LLM.from_pretrained("ray:calendar", address=served.nodes.address) as other:
        with pytest.raises(ModelSetupError, match="does not serve the model calendar: run `llmagent-os cluster start"):
            await other.complete(request())
    with pytest.raises(ModelUnavailableError, match=r"there is no Ray cluster at 127\.0\.0\.1:1"):
        await reaching
    await nowhere.aclose()


async def test_replicas_are_stopped(served: Served) -> None:
    """Before, the doctor says what runs."""
    found = await served.examined()
    assert [each.state for each in found] == ["ok", "ok", "ok"], found
    assert re.search(r"can be reached: Ray \d.*, 2 nodes with 3 CPUs", found[0].text)
    assert "running, replicas: 2 running" in found[1].text
    assert "large enough for a training" in found[2].text
    stopped = await asyncio.to_thread(served.command, "stop", "calendar")
    assert "have ended" in stopped.stdout, stopped.stderr
    found = await served.examined(ray_job_gpus=8)
    assert [each.state for each in found] == ["ok", "problem", "problem"], found
    assert found[1].remedy == "llmagent-os cluster start calendar"
    assert "8 GPUs" in found[2].text and "no node of the cluster has as much" in found[2].text

"""A plan on a node of a cluster, without Ray. What breaks without this: a lost node costs a training, or keeps data."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from llmagent_os.bot import Bot, job_setting
from llmagent_os.cluster.shared_storage import SharedFolder, folders_of
from llmagent_os.cluster.storage_errors import StorageUnavailableError
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.events import now
from llmagent_os.ledger.training_values import JobProgress, Level
from llmagent_os.training import cluster_plan_runner
from llmagent_os.training.cluster_plan_runner import KEY_FILE, delete_unreadable, error_of, followed_plan, plan_key
from llmagent_os.training.job_folders import LEDGER_FILE
from llmagent_os.training.job_order import ClusterWork
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.node_job import NodeJob
from llmagent_os.training.node_messages import NodeEnd, NodeOrder, NodeSite
from llmagent_os.training.training_plan import JobCancelledError

KEY = bytes(32)
TAG = "this ledger"
JOB = new_job("calendar", Level.SHARED, "", "key", "for a test", 0, now())


@pytest.fixture(autouse=True)
def own_log(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """A node's process has a log of its own, and this one gets its log back."""
    monkeypatch.setattr(cluster_plan_runner, "ASK_SECONDS", 0.01)
    before = structlog.get_config()
    yield
    structlog.configure(**before)


class Node:
    """A node in this process: what it is told, it answers at once."""

    def __init__(self, order: NodeOrder) -> None:
        self._job = NodeJob(msgspec.msgpack.encode(order))

    def tell(self, raw: bytes, seconds: float) -> bytes | None:
        """Tell it something."""
        return self._job.tell(raw)


class Busy:
    """A cluster that has no room."""

    def tell(self, raw: bytes, seconds: float) -> bytes | None:
        """Wait in vain."""
        time.sleep(seconds)
        return None


def order(folder: Path, storage: str = "", memory: int = 10**11, **told: Any) -> NodeOrder:
    """The order to run the quick plan, for a job whose folder is there."""
    work = folder / "data" / "jobs" / JOB.job_id / "work-0"
    work.mkdir(parents=True, exist_ok=True)
    (work.parent / LEDGER_FILE).write_text(TAG)
    site = NodeSite(
        folder=str(work), data=str(folder / "data"), ledger_url="", model="", bot={}, training={"settings": told}
    )
    return NodeOrder(
        plan="tests.training_plans:Quick",
        job=JOB,
        site=site,
        ledger_tag=TAG,
        storage=storage,
        key=KEY if storage else b"",
        save_seconds=0.01,
        priority="normal",
        memory_bytes=memory,
    )


def followed(asked: NodeOrder, until: int | None = None) -> tuple[NodeEnd, list[JobProgress]]:
    """How a plan has ended that is cancelled at a step, and its progress."""
    seen: list[JobProgress] = []

    def cancelled() -> bool:
        return until is not None and any(each.step >= until for each in seen)

    return followed_plan(Node(asked), seen.append, cancelled), seen


@pytest.mark.parametrize("store", ["", "file", "memory"])
def test_another_node_goes_on_from_what_was_saved(tmp_path: Path, store: str) -> None:
    """Also without storage, in the folder that all nodes share."""
    storage = {"": "", "file": f"file://{tmp_path}/shared/job", "memory": f"memory://{tmp_path}/job"}[store]
    told: dict[str, Any] = {"steps": 40, "seconds": 0.02, "begun": str(tmp_path / "begun.txt")}
    first, seen = followed(order(tmp_path, storage, **told), until=5)
    assert first.cancelled and seen[-1].phase == "counting"
    second, _ = followed(order(tmp_path, storage, **told))
    assert second.candidate is not None and second.candidate.folder == "lora"
    begun = [int(line) for line in (tmp_path / "begun.txt").read_text().split()]
    assert begun[0] == 0 and begun[1] >= 5
    if storage:
        target = tmp_path / "target"
        target.mkdir()
        assert SharedFolder(storage, KEY).fetch(target)
        assert len((target / "steps.txt").read_text()) == 40 and (target / "lora" / "adapter_config.json").is_file()
        work = tmp_path / "data" / "jobs" / JOB.job_id / "work-0"
        assert not list(work.iterdir()), "what people said is kept on the node's disk"
    assert not list(Path(tempfile.gettempdir()).glob(f"llmagent-os-job-{os.getpid()}-*"))


@pytest.mark.parametrize(
    ("told", "kind", "text"),
    [
        ({"error": "the model is damaged"}, ModelError, "the model is damaged"),
        ({"crash": "a fault of the plan"}, RuntimeError, "RuntimeError: a fault of the plan"),
    ],
)
def test_the_error_of_a_plan_is_the_one_that_it_raises_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], told: dict[str, Any], kind: type[Exception], text: str
) -> None:
    end, _ = followed(order(tmp_path, **told))
    error = error_of(end)
    assert (type(error), str(error)) == (kind, text)
    assert "Traceback" in capsys.readouterr().out, "the job's log does not say where"


def test_nothing_to_learn_is_said(tmp_path: Path) -> None:
    assert followed(order(tmp_path, nothing="there are no positives"))[0].nothing == "there are no positives"


def test_a_plan_that_needs_too_much_memory_is_ended(tmp_path: Path) -> None:
    end, _ = followed(order(tmp_path, memory=1, memory_hoard=1, steps=100_000, seconds=0.01))
    assert str(error_of(end)).startswith("it needs more memory: raise memory_gb")


@pytest.mark.parametrize("other", ["another folder", "another ledger"])
def test_a_node_with_another_data_folder_trains_nothing(tmp_path: Path, other: str) -> None:
    """It would learn from an empty ledger, or from another bot's people."""
    asked = order(tmp_path)
    marker = Path(asked.site.folder).parent / LEDGER_FILE
    marker.write_text(other) if other == "another ledger" else marker.unlink()
    error = error_of(followed(asked)[0])
    assert isinstance(error, ConfigError) and "is not on the node that is to train" in str(error)


def test_storage_that_is_away_puts_the_job_back(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    end, _ = followed(order(tmp_path, f"file://{tmp_path}/file/job"))
    assert isinstance(error_of(end), StorageUnavailableError)


def test_a_plan_that_was_cancelled_is_so_also_when_the_storage_is_away(tmp_path: Path) -> None:
    """A job that was taken back would be put into the queue, and run again."""
    shared, away = tmp_path / "shared", list[bool]()

    def report(progress: JobProgress) -> None:
        if progress.step >= 5 and not away:
            shared.rename(tmp_path / "unplugged")
            shared.write_text("no folder")
            away.append(True)

    asked = order(tmp_path, f"file://{shared}/job", steps=10**6, seconds=0.01)
    asked = msgspec.structs.replace(asked, save_seconds=1000)
    end = followed_plan(Node(asked), report, lambda: bool(away))
    assert end.cancelled, (end.kind, end.text)


def test_a_job_that_waits_for_a_node_says_so_and_can_be_cancelled() -> None:
    seen: list[JobProgress] = []
    with pytest.raises(JobCancelledError):
        followed_plan(Busy(), seen.append, lambda: len(seen) > 2)
    assert {each.phase for each in seen} == {"waiting for a node of the cluster"}


def test_what_has_no_key_any_more_is_deleted_from_the_storage(tmp_path: Path) -> None:
    """Jobs end, and people take back what they gave: their folder goes, and the key with it."""
    url, content = f"file://{tmp_path}/shared/llmagent-os/tag", tmp_path / "content"
    content.mkdir()
    (content / "state").write_text("1")
    for job, epoch in (("kept", 1), ("kept", 0), ("ended", 0)):
        SharedFolder(f"{url}/{job}-work-{epoch}", KEY).save(content)
    work = tmp_path / "data" / "jobs" / "kept" / "work-1"
    work.mkdir(parents=True)
    key = plan_key(work)
    assert plan_key(work) == key and (work / KEY_FILE).stat().st_mode & 0o077 == 0
    delete_unreadable(url, tmp_path / "data")
    assert folders_of(url) == ["kept-work-1"]


def test_what_a_killed_process_left_on_the_node_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with subprocess.Popen((sys.executable, "-c", "")) as ended:
        ended.wait()
    left = tmp_path / f"llmagent-os-job-{ended.pid}-x"
    living = tmp_path / "llmagent-os-job-1-x"
    for folder in (left, living):
        folder.mkdir()
    followed(order(tmp_path / "installation", f"memory://{tmp_path}/left"))
    assert not left.exists() and living.exists()


def test_what_a_job_has_on_a_node_is_deleted_when_its_process_is_killed(tmp_path: Path) -> None:
    """The next job may come in a month, or never."""
    asked = tmp_path / "order"
    given = order(tmp_path, f"file://{tmp_path}/shared", steps=10**6, seconds=0.01)
    asked.write_bytes(msgspec.msgpack.encode(given))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    program = (
        "import sys, threading; from pathlib import Path; from llmagent_os.training.node_job import NodeJob; "
        "NodeJob(Path(sys.argv[-1]).read_bytes()); threading.Event().wait()"
    )
    environment = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen((sys.executable, "-c", program, str(asked)), env=environment) as working:
        while not (written := list(scratch.glob("llmagent-os-job-*/work/steps.txt"))):
            assert working.poll() is None
            time.sleep(0.01)
        folder = written[0].parents[1]
        working.kill()
    while folder.exists():
        time.sleep(0.01)


@pytest.mark.parametrize(("work", "trains"), [("model", False), ("jobs", True), ("model+jobs", True)])
def test_the_settings_say_where_trainings_run(work: str, trains: bool) -> None:
    settings = Settings.load(
        None, ray_address="10.0.0.7:6379", ray_work=work, ray_job_gpus=1, shared_storage="s3://bucket/bots"
    )
    found = job_setting(settings, Bot.load("calendar")).cluster
    expected = ClusterWork(address="10.0.0.7:6379", cpus=1.0, gpus=1.0, storage="s3://bucket/bots")
    assert found == (expected if trains else None)

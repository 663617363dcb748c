"""Versions of LoRAs: published whole, checked, promoted and rolled back.

What breaks without this: a damaged or half-written LoRA answers people, or a rollback leaves the bad one in place.
"""

from __future__ import annotations

import os
import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from llmagent_os.errors import ConfigError, ModelError, ModelNotFoundError
from llmagent_os.events import now
from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.people.directory import Directory
from llmagent_os.training.canary_settings import CanarySettings
from llmagent_os.training.host_training import HostTraining
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.lora_difference import layer_differences
from llmagent_os.training.lora_folder import check_folder, publish_folder, sha256_of
from llmagent_os.training.lora_version import MOVES, Level, LoraVersion, Stage
from llmagent_os.training.registry_resolver import RegistryResolver
from llmagent_os.training.training_job import JobStatus
from tests.training_plans import BASE_HASH, candidate, write_lora
from tests.unit.training.conftest import JobBench
from tests.unit.training.people import ANA, BEN, CLEO


async def publish(
    jobs: JobBench, seed: int, *people: str, level: Level = Level.SHARED, subject: str = "", **changed: Any
) -> LoraVersion:
    """Publish a version that no job of the queue has made."""
    folder = write_lora(jobs.data / f"made-{seed}", seed)
    job = new_job("calendar", level, subject, str(seed), "for a test", 0, now())
    version = await jobs.registry.publish(candidate(folder, *people, **changed), job, leased=False)
    assert version is not None
    return version


async def test_a_version_is_whole_and_says_where_it_comes_from(jobs: JobBench) -> None:
    version = await publish(jobs, 1, ANA, BEN, method="kto", evaluation={"nll": 0.5}, through=7)
    folder = jobs.registry.folder_of(version)
    assert {path.name for path in folder.iterdir()} == {
        "SHA256SUMS",
        "adapter_config.json",
        "adapter_model.safetensors",
        "version.json",
    }
    assert (version.people, version.method, version.evaluation, version.through) == (2, "kto", {"nll": 0.5}, 7)
    assert [str(person) for person, _ in await jobs.registry.contributors(version)] == [ANA, BEN]
    assert not any(name in (folder / "version.json").read_text() for name in (ANA, BEN))
    assert version.name.startswith("calendar-shared-")


async def test_two_people_whose_files_are_equal_have_a_version_each(jobs: JobBench) -> None:
    own = [await publish(jobs, 1, who, level=Level.PERSONAL, subject=who) for who in (ANA, BEN)]
    assert own[0].sha256 == own[1].sha256
    assert len({version.name for version in own}) == 2
    assert not any(part in version.name for version in own for part in ("ana", "ben"))


@pytest.mark.parametrize("file", ["adapter_model.safetensors", "adapter_config.json"])
async def test_a_damaged_version_is_not_served(jobs: JobBench, file: str) -> None:
    """Neither promoted, nor loaded after that, nor kept by a host that starts."""
    good = await publish(jobs, 1, stage=Stage.ACTIVE)
    bad = await publish(jobs, 2)
    path = jobs.registry.folder_of(bad) / file
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ModelError, match="is damaged"):
        await jobs.registry.promote(bad, "")
    resolver = RegistryResolver(jobs.registry, "calendar", BASE_HASH)
    await resolver.refresh()
    assert resolver.resolve(PersonId(ANA)) == str(jobs.registry.folder_of(good))
    path = jobs.registry.folder_of(good) / file
    path.write_bytes(path.read_bytes() + b" ")
    started = RegistryResolver(jobs.registry, "calendar", BASE_HASH)
    await started.refresh()
    assert started.resolve(PersonId(ANA)) is None


async def test_the_engine_refuses_a_file_that_changed_since_it_was_published(jobs: JobBench) -> None:
    from llmagent_os.serving.lora_weights import read_lora  # torch

    version = await publish(jobs, 1)
    folder = jobs.registry.folder_of(version)
    assert read_lora(folder).version == f"{version.name}@{version.sha256[:12]}"
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "lora_alpha": 4000}')
    with pytest.raises(ModelError, match="not those of SHA256SUMS"):
        read_lora(folder)


async def test_a_full_disk_leaves_nothing(jobs: JobBench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("llmagent_os.training.lora_folder.shutil.copyfile", full)
    with pytest.raises(ModelError, match="No space left on device"):
        await publish(jobs, 1)
    assert await jobs.registry.all() == []
    assert list((jobs.data / "loras").iterdir()) == []


def test_a_folder_that_is_no_lora_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"adapter_config.json is missing"):
        publish_folder(tmp_path, tmp_path / "loras", "v", {})
    source = write_lora(tmp_path / "made")
    publish_folder(source, tmp_path / "loras", "v", {})
    check_folder(tmp_path / "loras" / "v", sha256_of(source))


async def test_a_crash_while_publishing_leaves_nothing_for_long(jobs: JobBench) -> None:
    """And what another ledger has beside it stays: the chat in the terminal has the same data folder."""
    version, other = await publish(jobs, 1), await Ledger.open("sqlite://")
    loras = jobs.data / "loras"
    given_up = loras / ".new-abc"
    given_up.mkdir()
    os.utime(given_up, (0, 0))
    (loras / ".new-def").mkdir()  # somebody works on it
    for name, ledger in (("of-no-row", jobs.ledger), ("of-another-ledger", other)):
        publish_folder(jobs.data / "made-1", loras, name, {"ledger": await ledger.tag()})
    await other.close()
    assert await jobs.registry.delete_leftovers() == 2
    assert {path.name for path in loras.iterdir()} == {version.name, ".new-def", "of-another-ledger"}


async def test_a_host_leaves_alone_what_the_job_of_another_bot_is_about_to_publish(jobs: JobBench) -> None:
    """Its files are there, and its row is not yet."""
    version = await publish(jobs, 1)
    about = {"ledger": await jobs.ledger.tag()}
    publish_folder(jobs.data / "made-1", jobs.data / "loras", "of-no-row", about)
    asked = await jobs.queue.add(new_job("diary", Level.SHARED, "", "k", "for a test", 0, now()))
    job = await jobs.queue.claim(asked.job_id, now(), timedelta(seconds=30), tries=3)
    assert job is not None
    host = HostTraining(jobs.setting(), jobs.ledger, Directory(jobs.ledger, None), BASE_HASH, now)
    await host.open()
    assert {path.name for path in (jobs.data / "loras").iterdir()} == {version.name, "of-no-row"}
    await jobs.queue.end(job, JobStatus.FAILED, "", now())
    await host.open()
    assert {path.name for path in (jobs.data / "loras").iterdir()} == {version.name}


async def test_a_newer_canary_retires_the_one_that_is_not_decided(jobs: JobBench) -> None:
    """Two would stand in one slot, and only one of them would ever be tested."""
    old, group = (
        await publish(jobs, 1, stage=Stage.CANARY),
        await publish(jobs, 2, stage=Stage.CANARY, level=Level.GROUP, subject="verbosity=brief"),
    )
    new = await publish(jobs, 3, stage=Stage.CANARY)
    assert {each.name for each in await jobs.registry.served("calendar")} == {group.name, new.name}
    assert (await jobs.registry.get(old.name)).stage == Stage.RETIRED
    await jobs.registry.roll_back(await jobs.registry.get(new.name), "")
    third = await publish(jobs, 4, stage=Stage.CANARY)
    await jobs.registry.move(await jobs.registry.get(new.name), Stage.CANARY, "again")
    assert (await jobs.registry.get(third.name)).stage == Stage.RETIRED


async def test_a_promotion_retires_the_one_before_and_a_rollback_brings_it_back(jobs: JobBench) -> None:
    first, second, third = [await publish(jobs, seed) for seed in (1, 2, 3)]
    for version in (first, second, third):
        await jobs.registry.promote(await jobs.registry.get(version.name), "it passed")
    assert [each.stage for each in await jobs.registry.all()] == ["retired", "retired", "active"]
    assert await jobs.registry.roll_back(await jobs.registry.get(third.name), "people complain") is not None
    assert [each.stage for each in await jobs.registry.all()] == ["retired", "active", "rolled_back"]
    assert (await jobs.registry.get(third.name)).why == "people complain"
    await jobs.registry.roll_back(await jobs.registry.get(second.name), "still")
    await jobs.registry.roll_back(await jobs.registry.get(first.name), "and still")
    assert await jobs.registry.served("calendar") == []


async def test_a_move_that_there_is_not_is_refused_and_says_which_there_are(jobs: JobBench) -> None:
    rejected = await publish(jobs, 1, stage=Stage.REJECTED, why="it agrees with what is false")
    with pytest.raises(ConfigError, match="is rejected, and cannot become active: only retired"):
        await jobs.registry.promote(rejected, "")
    assert all(stage not in after for stage, after in MOVES.items())
    with pytest.raises(ConfigError, match="versions list"):
        await jobs.registry.get("no such version")


async def test_two_that_move_a_version_at_once_do_not_overwrite_each_other(jobs: JobBench) -> None:
    seen = await publish(jobs, 1)
    await jobs.registry.move(seen, Stage.REJECTED, "the gate")
    with pytest.raises(ConfigError, match="has changed meanwhile"):
        await jobs.registry.move(seen, Stage.ACTIVE, "somebody who looked before")


async def test_the_deepest_level_answers(jobs: JobBench) -> None:
    """Personal, then the group's, then shared, then the base model."""
    resolver = RegistryResolver(
        jobs.registry, "calendar", BASE_HASH, group_of=lambda person: "terse" if str(person) != CLEO else ""
    )
    assert resolver.resolve(PersonId(ANA)) is None
    shared = await publish(jobs, 1, stage=Stage.ACTIVE)
    group = await publish(jobs, 2, level=Level.GROUP, subject="terse", stage=Stage.ACTIVE)
    own = await publish(jobs, 3, ANA, level=Level.PERSONAL, subject=ANA, stage=Stage.ACTIVE)
    await publish(jobs, 4, stage=Stage.ACTIVE, base_hash="of another model", level=Level.PERSONAL, subject=BEN)
    assert await resolver.refresh()
    assert not await resolver.refresh()
    answers = {who: resolver.resolve(PersonId(who)) for who in (ANA, BEN, CLEO, "")}
    expected = {ANA: own, BEN: group, CLEO: shared, "": shared}
    assert answers == {who: str(jobs.registry.folder_of(version)) for who, version in expected.items()}


async def test_a_personal_version_answers_in_the_style_that_it_was_judged_in(jobs: JobBench) -> None:
    """The policy or the person may choose another style later. Nobody knows whether the person likes it there."""
    resolver = RegistryResolver(jobs.registry, "calendar", BASE_HASH)
    shared = await publish(jobs, 1, stage=Stage.ACTIVE)
    style = {"mode": "conversational", "verbosity": "brief"}
    own = await publish(
        jobs, 2, ANA, level=Level.PERSONAL, subject=ANA, stage=Stage.ACTIVE, evaluation={"style": style}
    )
    now_asked = [style | {"initiative": "act"}, style | {"verbosity": "normal"}, {}]
    chosen = [await resolver.choose(PersonId(ANA), style=each) for each in now_asked]
    expected = [own, shared, own]
    assert [each.lora for each in chosen] == [str(jobs.registry.folder_of(version)) for version in expected]
    assert chosen[1].above == (None,)


async def test_the_weights_of_the_model_are_read_once_and_only_if_there_is_a_version(jobs: JobBench) -> None:
    """In a thread: many gigabytes are read for a minute, and nobody would be answered meanwhile."""
    threads = list[int]()

    def reads() -> str:
        threads.append(threading.get_ident())
        return BASE_HASH

    resolver = RegistryResolver(jobs.registry, "calendar", reads)
    assert (await resolver.choose(PersonId(ANA))).lora is None
    assert not threads
    versions = [await publish(jobs, seed, stage=Stage.ACTIVE) for seed in (1, 2)]
    chosen = [await resolver.choose(PersonId(who)) for who in (ANA, BEN)]
    await resolver.refresh()
    chosen += [await resolver.choose(PersonId(ANA), "a session")]
    assert chosen[-1].lora == str(jobs.registry.folder_of(versions[1]))
    assert len(threads) == 1 and threads[0] != threading.get_ident()


async def test_what_answers_instead_is_the_level_above(jobs: JobBench) -> None:
    """An undrawn canary is none of the levels above, and a drawn one has the active version above it."""
    resolver = RegistryResolver(jobs.registry, "calendar", BASE_HASH, canary=CanarySettings(share=0.5))
    active = await publish(jobs, 1, stage=Stage.ACTIVE)
    canary = await publish(jobs, 2, stage=Stage.CANARY)
    own = await publish(jobs, 3, ANA, level=Level.PERSONAL, subject=ANA, stage=Stage.ACTIVE)
    folders = {each.name: str(jobs.registry.folder_of(each)) for each in (active, canary, own)}
    choice = await resolver.choose(PersonId(ANA), "s1")
    assert (choice.lora, choice.above, choice.trial) == (folders[own.name], (folders[active.name], None), None)
    for number in range(20):
        choice = await resolver.choose(PersonId(BEN), f"s{number}")
        assert choice.trial is not None and choice.trial.against == active.name
        drawn = (folders[canary.name], (folders[active.name], None))
        assert (choice.lora, choice.above) == (drawn if choice.trial.drawn else (folders[active.name], (None,)))
    assert (await resolver.choose(PersonId(BEN))).trial is None


async def test_a_rollback_of_this_process_counts_for_the_next_reply(jobs: JobBench) -> None:
    resolver = RegistryResolver(jobs.registry, "calendar", BASE_HASH)
    version = await publish(jobs, 1)
    version = await jobs.registry.promote(version, "")
    assert resolver.resolve(PersonId(ANA)) is not None
    await jobs.registry.roll_back(version, "")
    assert resolver.resolve(PersonId(ANA)) is None


async def test_a_canary_answers_whole_conversations(jobs: JobBench) -> None:
    resolver = RegistryResolver(jobs.registry, "calendar", BASE_HASH, canary=CanarySettings(share=0.3))
    active = await publish(jobs, 1, stage=Stage.ACTIVE)
    canary = await publish(jobs, 2, stage=Stage.CANARY)
    await resolver.refresh()
    rooms = [f"room {number}" for number in range(400)]
    drawn = {room: resolver.resolve(PersonId(ANA), room) for room in rooms}
    share = sum(folder == str(jobs.registry.folder_of(canary)) for folder in drawn.values()) / len(rooms)
    assert share == pytest.approx(0.3, abs=0.07)
    assert set(drawn.values()) == {str(jobs.registry.folder_of(each)) for each in (active, canary)}
    assert drawn == {room: resolver.resolve(PersonId(BEN), room) for room in rooms}


async def test_an_export_that_fails_leaves_nothing(
    jobs: JobBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a LoRA would be in the way of the next try, and look like a whole one."""
    version = await publish(jobs, 1, ANA)

    def copy_until_the_disk_is_full(_: Path, target: Path, **options: object) -> None:
        target.mkdir()
        (target / "adapter_config.json").write_text("{}")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copytree", copy_until_the_disk_is_full)
        with pytest.raises(ModelError, match="No space left"):
            await jobs.registry.export(version, tmp_path / "mine")
    assert await jobs.registry.export(version, tmp_path / "mine") == tmp_path / "mine"


async def test_an_export_loads_elsewhere_and_may_be_trained_on(jobs: JobBench, tmp_path: Path) -> None:
    from llmagent_os.serving.lora_weights import read_lora  # torch

    version = await publish(jobs, 1)
    folder = await jobs.registry.export(version, tmp_path / "mine")
    assert read_lora(folder).version.endswith(version.sha256[:12])
    write_lora(folder, seed=9)
    read_lora(folder)
    with pytest.raises(ConfigError, match="is there already"):
        await jobs.registry.export(version, tmp_path / "mine")


def test_the_difference_is_that_of_the_whole_matrices(tmp_path: Path) -> None:
    """Against the products themselves, which are never made for large models."""
    import numpy as np
    from safetensors import numpy as safetensors

    folders = [write_lora(tmp_path / str(seed), seed, scale=seed) for seed in (1, 2)]
    changes: list[Any] = []
    for folder in folders:
        tensors = cast("Any", safetensors).load_file(folder / "adapter_model.safetensors")
        a, b = (tensors[f"{LAYER}.lora_{half}.weight"] for half in "AB")
        changes.append(2 * b @ a)
    (found,) = layer_differences(*folders)
    assert found.layer == LAYER
    assert found.first == pytest.approx(np.linalg.norm(changes[0]), rel=1e-5)
    assert found.distance == pytest.approx(np.linalg.norm(changes[0] - changes[1]), rel=1e-5)
    (same,) = layer_differences(folders[0], folders[0])
    assert same.distance == pytest.approx(0, abs=1e-6)


LAYER = "base_model.model.model.layers.0.self_attn.q_proj"

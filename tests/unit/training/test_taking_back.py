"""People take back what weights were trained on. What breaks without this: it stays in the weights for ever."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
import sqlalchemy as sa

from llmagent_os.admin import profile_command
from llmagent_os.commands.link import link
from llmagent_os.commands.profile import change_or_show
from llmagent_os.commands.unlink import unlink
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.events import Command, Conversation, Sender, now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import schema
from llmagent_os.ledger.identity_links import leave, merge
from llmagent_os.ledger.sqlite_database import connect
from llmagent_os.people.directory import Directory
from llmagent_os.people.linking import Joined, Links
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.exchange import open_exchange
from llmagent_os.reply.plugin_calls import keep_profile_changes
from llmagent_os.reply.services import Services
from llmagent_os.training import consent_check
from llmagent_os.training.host_training import HostTraining
from llmagent_os.training.job_folders import job_folder, make_job_folder, make_work_folder
from llmagent_os.training.job_process import LEASE
from llmagent_os.training.lora_version import Level, Stage
from llmagent_os.training.registry_resolver import RegistryResolver
from llmagent_os.training.training_job import JobStatus
from tests.training_plans import BASE_HASH, candidate, write_lora
from tests.unit.training.conftest import JobBench
from tests.unit.training.people import ANA, BEN, CLEO, rate, take_off
from tests.unit.training.test_lora_registry import publish

DORA = Identity("web:local:dora")


async def trained(jobs: JobBench) -> tuple[str, str, str]:
    """A shared version of Ana and Ben, Ana's own that starts from it, and Ben's own; returns their names."""
    through = await jobs.ledger.last_reward()
    shared = await publish(jobs, 1, ANA, BEN, stage=Stage.ACTIVE, through=through)
    own = [
        await publish(
            jobs, seed, who, level=Level.PERSONAL, subject=who, stage=Stage.ACTIVE, parent=shared.name, through=through
        )
        for seed, who in ((2, ANA), (3, BEN))
    ]
    return shared.name, own[0].name, own[1].name


def names_left(jobs: JobBench, *texts: str) -> set[str]:
    """Tables of the ledger that hold any of ``texts``."""
    database = connect(jobs.data / "ledger.db", "FULL")
    found = {
        table.name
        for table in schema.metadata.sorted_tables
        for row in database.sql.execute(sa.select(table))
        for value in row
        if any(text in str(value) for text in texts)
    }
    database.close()
    return found


@pytest.mark.parametrize("way", ["reaction", "consent", "forgotten"])
async def test_what_a_person_takes_back_marks_all_that_it_is_in(jobs: JobBench, way: str) -> None:
    given = await rate(jobs.ledger, ANA)
    await rate(jobs.ledger, BEN)
    shared, anas, bens = await trained(jobs)
    resolver = RegistryResolver(jobs.registry, "calendar", BASE_HASH)
    await resolver.refresh()
    assert str(resolver.resolve(PersonId(ANA))).endswith(anas)
    if way == "reaction":
        await take_off(jobs.ledger, given)
        await resolver.refresh()
    elif way == "consent":
        assert await jobs.registry.take_back([ANA]) == 3  # Ben's own starts from what Ana gave
    else:
        assert await jobs.registry.take_back([ANA]) == 3
        await jobs.ledger.forget(ANA)
    by_name = {version.name: version for version in await jobs.registry.all()}
    assert {name: by_name[name].stage for name in (shared, anas, bens)} == {
        shared: Stage.ACTIVE,
        anas: Stage.RETIRED,
        bens: Stage.ACTIVE,
    }
    assert all(version.stale_since is not None and version.withdrawn == 1 for version in by_name.values())
    assert {path.name for path in (jobs.data / "loras").iterdir()} == {shared, bens}
    assert str(resolver.resolve(PersonId(ANA))).endswith(shared)
    if way == "forgotten":
        assert names_left(jobs, ANA) == set()
        assert not any(b":ana" in path.read_bytes() for path in jobs.data.glob("**/*") if path.is_file())


async def test_the_successor_retires_and_deletes_what_is_stale(jobs: JobBench) -> None:
    await rate(jobs.ledger, ANA)
    old, _, _ = await trained(jobs)
    await jobs.registry.take_back([ANA])
    new = await publish(jobs, 4, BEN, stage=Stage.ACTIVE)
    await jobs.registry.delete_unneeded()
    retired = await jobs.registry.get(old)
    assert (retired.stage, new.stale_since) == (Stage.RETIRED, None)
    assert not jobs.registry.folder_of(retired).exists()
    assert [str(person) for person, _ in await jobs.registry.contributors(new)] == [BEN]
    with pytest.raises(ConfigError, match="took back"):
        await jobs.registry.promote(retired, "by hand")
    # Nor does a rollback of the successor bring it back.
    assert await jobs.registry.roll_back(await jobs.registry.get(new.name), "") is None


async def test_a_version_that_starts_from_a_stale_one_is_stale(jobs: JobBench) -> None:
    shared, _, _ = await trained(jobs)
    await rate(jobs.ledger, ANA)
    await jobs.registry.take_back([ANA])
    child = await publish(jobs, 5, CLEO, parent=shared)
    assert child.stale_since is not None


@pytest.mark.parametrize("stage", [Stage.CANDIDATE, Stage.SHADOW, Stage.REJECTED, Stage.ROLLED_BACK])
async def test_what_answers_nobody_is_deleted_as_soon_as_somebody_takes_back(jobs: JobBench, stage: Stage) -> None:
    """No later version takes its place: its weights and its report would stay for ever."""
    await rate(jobs.ledger, ANA)
    version = await publish(jobs, 1, ANA, BEN, stage=Stage.CANARY if stage == Stage.ROLLED_BACK else stage)
    if stage == Stage.ROLLED_BACK:
        await jobs.registry.roll_back(version, "")
    await jobs.registry.take_back([ANA])
    retired = await jobs.registry.get(version.name)
    assert (retired.stage, retired.withdrawn) == (Stage.RETIRED, 1)
    assert not jobs.registry.folder_of(version).exists()


async def test_a_rejected_version_of_a_stale_parent_is_not_kept(jobs: JobBench) -> None:
    shared, _, _ = await trained(jobs)
    await rate(jobs.ledger, ANA)
    await jobs.registry.take_back([ANA])
    child = await publish(jobs, 5, CLEO, parent=shared, stage=Stage.REJECTED)
    assert child.stage == Stage.RETIRED


async def test_another_persons_reaction_taken_off_marks_nothing(jobs: JobBench) -> None:
    before = await rate(jobs.ledger, BEN)
    shared, _, _ = await trained(jobs)
    later = await rate(jobs.ledger, ANA)
    await take_off(jobs.ledger, later)  # the versions have not learned from it
    assert (await jobs.registry.get(shared)).stale_since is None
    await take_off(jobs.ledger, before)
    assert (await jobs.registry.get(shared)).stale_since is not None


async def test_a_reaction_taken_off_while_it_is_trained_on_makes_the_version_stale_at_birth(jobs: JobBench) -> None:
    given = await rate(jobs.ledger, ANA)
    through = await jobs.ledger.last_reward()
    await take_off(jobs.ledger, given)
    version = await publish(jobs, 1, ANA, through=through)
    assert version.stale_since is not None


async def test_who_unlinks_an_account_can_take_back_what_it_gave(jobs: JobBench) -> None:
    database = connect(jobs.data / "ledger.db", "FULL")
    with database.sql.begin():
        merge(database, PersonId(ANA), PersonId(BEN), 0.0)
    version = await publish(jobs, 1, ANA)
    with database.sql.begin():
        leave(database, BEN)
    database.close()
    await jobs.registry.take_back([BEN])
    assert (await jobs.registry.get(version.name)).stale_since is not None


def command(name: str, who: str, arguments: str = "") -> Command:
    room = Conversation(platform="web", workspace="local", channel="c")
    return Command(event_id=name, conversation=room, sender=Sender(who), name=name, arguments=arguments)


@pytest.mark.parametrize("off", ["ana", "ben"])
async def test_linking_with_an_account_that_is_off_takes_back_at_once(jobs: JobBench, off: str) -> None:
    """For a day, the weights would go on with what somebody has withdrawn, whichever account is off."""
    await rate(jobs.ledger, BEN)
    shared = await publish(jobs, 1, BEN, CLEO, stage=Stage.ACTIVE)
    own = await publish(jobs, 2, BEN, level=Level.PERSONAL, subject=BEN, stage=Stage.ACTIVE)
    profiles = Profiles(jobs.data / "profiles")
    links, services = Links(jobs.ledger, profiles), Services(ledger=jobs.ledger, profiles=profiles, loras=jobs.registry)
    await profiles.update(PersonId(ANA if off == "ana" else BEN), learning="off")
    said = (await link(services, command("link", "ben", await links.issue(ANA)))).text
    assert "Linked" in said and "trained on you" in said
    assert (await jobs.registry.get(shared.name)).withdrawn == 1
    assert (await jobs.registry.get(own.name)).stage == Stage.RETIRED
    assert not jobs.registry.folder_of(own).exists()


async def test_linking_accounts_that_are_learned_from_takes_nothing_back(jobs: JobBench) -> None:
    shared = await publish(jobs, 1, BEN, stage=Stage.ACTIVE)
    profiles = Profiles(jobs.data / "profiles")
    links, services = Links(jobs.ledger, profiles), Services(ledger=jobs.ledger, profiles=profiles, loras=jobs.registry)
    said = (await link(services, command("link", "ben", await links.issue(ANA)))).text
    assert "Linked" in said and "trained on you" not in said
    assert (await jobs.registry.get(shared.name)).stale_since is None


@pytest.mark.parametrize("way", ["command", "terminal"])
async def test_unlinking_an_account_that_was_off_takes_back_at_once(jobs: JobBench, way: str) -> None:
    """Ben's account was off, was linked to Ana's and switched on there. Alone it is off again."""
    profiles = Profiles(jobs.data / "profiles")
    links, services = Links(jobs.ledger, profiles), Services(ledger=jobs.ledger, profiles=profiles, loras=jobs.registry)
    await profiles.update(PersonId(BEN), learning="off")
    await links.join(BEN, await links.issue(ANA))
    await profiles.update(PersonId(ANA), learning=None)
    await rate(jobs.ledger, BEN)
    both, cleos = await publish(jobs, 1, BEN, stage=Stage.ACTIVE), await publish(jobs, 2, CLEO)
    if way == "command":
        assert "trained on you" in (await unlink(services, command("unlink", "ben"))).text
    else:
        settings = Settings.load(env_file=None, data=jobs.data)
        assert "no longer linked" in await profile_command.unlink(settings, BEN)
    assert (await jobs.registry.get(both.name)).withdrawn == 1
    assert (await jobs.registry.get(cleos.name)).stale_since is None


async def test_a_plugin_that_turns_learning_off_takes_back(jobs: JobBench) -> None:
    """ "Stop learning from me" may be a tool of some bot."""
    profiles = Profiles(jobs.data / "profiles")
    services = Services(ledger=jobs.ledger, profiles=profiles, loras=jobs.registry)
    version = await publish(jobs, 1, ANA, stage=Stage.ACTIVE)
    exchange = await open_exchange(services, command("x", "ana"), turns=0)
    await keep_profile_changes(services, exchange, ToolResult({}, "", profile_changes={"name": "Ana"}))
    assert (await jobs.registry.get(version.name)).stale_since is None
    await keep_profile_changes(services, exchange, ToolResult({}, "", profile_changes={"learning": "off"}))
    assert (await jobs.registry.get(version.name)).stale_since is not None


async def test_a_host_finds_who_is_off_by_a_link_or_a_crash(jobs: JobBench) -> None:
    """Ben links his account to Ana's, which is off. Cleo is off. The host died before the versions knew of either."""
    await rate(jobs.ledger, BEN)
    shared = await publish(jobs, 1, BEN, CLEO, DORA, stage=Stage.ACTIVE)
    own = await publish(jobs, 2, BEN, level=Level.PERSONAL, subject=BEN, stage=Stage.ACTIVE)
    profiles = Profiles(jobs.data / "profiles")
    await profiles.update(PersonId(ANA), learning="off")
    links = Links(jobs.ledger, profiles)
    assert isinstance(await links.join(BEN, await links.issue(ANA)), Joined)
    await profiles.update(PersonId(CLEO), learning="off")
    assert (await jobs.registry.get(shared.name)).stale_since is None
    host = HostTraining(jobs.setting(), jobs.ledger, Directory(jobs.ledger, profiles), BASE_HASH, now)
    await host.open()
    marked = await jobs.registry.get(shared.name)
    assert (marked.withdrawn, marked.stage) == (2, Stage.ACTIVE)
    assert (await jobs.registry.get(own.name)).stage == Stage.RETIRED
    assert not jobs.registry.folder_of(own).exists()
    revision = await jobs.registry.revision()
    await host.open()
    assert await jobs.registry.revision() == revision  # nobody is taken back twice


async def test_it_is_looked_every_day_who_is_off_and_a_damaged_profile_deletes_nothing(
    jobs: JobBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent_check, "LOOK_SECONDS", 0.01)
    own = await publish(jobs, 2, BEN, level=Level.PERSONAL, subject=BEN, stage=Stage.ACTIVE)
    profiles = Profiles(jobs.data / "profiles")
    await profiles.update(PersonId(BEN), name="Ben")
    (file,) = (jobs.data / "profiles").rglob("*.json")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    damaged = Profiles(jobs.data / "profiles")
    check = consent_check.ConsentCheck("calendar", jobs.ledger, jobs.registry, Directory(jobs.ledger, damaged))
    assert await check.look() == 0
    assert (await jobs.registry.get(own.name)).stage == Stage.ACTIVE
    running = asyncio.create_task(
        consent_check.ConsentCheck("calendar", jobs.ledger, jobs.registry, Directory(jobs.ledger, profiles)).run()
    )
    file.write_bytes(whole)
    await profiles.update(PersonId(BEN), learning="off")
    async with asyncio.timeout(20):
        while (await jobs.registry.get(own.name)).stage == Stage.ACTIVE:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    running.cancel()


async def test_an_erased_person_stands_in_no_evaluation(jobs: JobBench) -> None:
    report = {"people": {ANA: {"liked": 0.9}, BEN: {"liked": 0.8}}, "worst": [f"{ANA} by 3 points"]}
    version = await publish(jobs, 1, ANA, BEN, evaluation=report)
    await jobs.ledger.forget(ANA)
    left = (await jobs.registry.get(version.name)).evaluation
    assert left == {"people": {"erased": {"liked": 0.9}, BEN: {"liked": 0.8}}, "worst": ["erased"]}


async def test_a_job_that_was_taken_back_publishes_nothing(jobs: JobBench) -> None:
    """The person leaves between the last look of the plan and its version."""
    await rate(jobs.ledger, ANA)
    asked = await jobs.ask()
    job = await jobs.queue.claim(asked.job_id, now(), LEASE, tries=3)
    assert job is not None
    await jobs.registry.take_back([ANA])
    made = candidate(write_lora(jobs.data / "made"), ANA)
    assert await jobs.registry.publish(made, job) is None
    assert list((jobs.data / "loras").iterdir()) == []
    again = await jobs.queue.claim(asked.job_id, now(), LEASE, tries=3)
    assert again is not None
    assert (again.epoch, again.tries) == (1, 1)
    assert await jobs.registry.publish(msgspec.structs.replace(made, contributors=()), again) is not None


async def test_a_job_that_was_interrupted_begins_again_without_the_person(jobs: JobBench) -> None:
    """A stop of the host is no try. What the job has read lies in its folder all the same."""
    await rate(jobs.ledger, ANA)
    asked = await jobs.ask()
    job = await jobs.queue.claim(asked.job_id, now(), LEASE, tries=3)
    assert job is not None
    assert await jobs.queue.end(job, JobStatus.WAITING, "the host stops", now())
    work = make_work_folder(job_folder(jobs.data, job.job_id), job.epoch)
    make_job_folder(work.parent, await jobs.ledger.tag())
    (work / "prepared.json").write_text("what Ana said")
    await jobs.registry.take_back([ANA])
    assert not work.exists()
    again = await jobs.queue.claim(asked.job_id, now(), LEASE, tries=3)
    assert again is not None and again.epoch == 1


@pytest.mark.parametrize("way", [("learning off",), ("learning off", "learning on", "undo")])
async def test_every_way_to_switch_learning_off_takes_back(jobs: JobBench, way: tuple[str, ...]) -> None:
    services = Services(ledger=jobs.ledger, profiles=Profiles(jobs.data / "profiles"), loras=jobs.registry)
    event = command("profile", "ana")
    for what in way[:-1]:
        await change_or_show(services, event, what)
    version = await publish(jobs, 1, ANA, stage=Stage.ACTIVE)
    said = await change_or_show(services, event, way[-1])
    assert "I do not learn from your reactions any more" in said.text
    assert (await jobs.registry.get(version.name)).stale_since is not None


async def test_who_has_given_nothing_interrupts_no_training(jobs: JobBench) -> None:
    asked = await jobs.ask()
    job = await jobs.queue.claim(asked.job_id, now(), LEASE, tries=3)
    await jobs.ledger.forget(CLEO)
    assert await jobs.job(asked.job_id) == job

"""What is tried once people have talked: hostile votes, reactions that are taken off, a person who is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

from llmagent_os.ledger.training_values import Level
from llmagent_os.serving.model_catalogue import MODELS_FOLDER
from llmagent_os.simulation.population import make_hostile
from llmagent_os.simulation.simulated_person import LIKE, SimulatedPerson
from llmagent_os.simulation.simulation import Simulation
from llmagent_os.simulation.simulation_record import JobOutcome, Trial

#: How far control prompts, and other people's replies, may move: one percentage point.
MOST_MOVED = 0.01
#: The share of replies that is aimed at, after so many reactions of a person.
AIM, AIM_REACTIONS = 0.95, 20
#: How often fresh questions are asked before and after: the policy draws what it tries.
DRAWS = 2


async def run_trials(simulation: Simulation) -> None:
    """Try everything that is due; what was found is noted in the record."""
    options, record = simulation.options, simulation.record

    def note(trial: Trial) -> None:
        record.trials.append(trial)
        simulation.view.trial(trial)

    for trial in standing(simulation):
        note(trial)
    if options.hostile:
        note(await hostile_votes(simulation))
    if options.trials:
        note(await taken_off(simulation, simulation.people[0]))
        note(await forgotten(simulation, simulation.people[-1]))


def standing(simulation: Simulation) -> list[Trial]:
    """What the talk itself has shown: the aim of liked replies, and what the served versions have kept."""
    record = simulation.record
    reached = [(at, mean) for at, mean, _, _ in record.curve("personal") if at >= AIM_REACTIONS]
    served = [job for job in record.jobs if job.outcome in ("active", "canary")]
    return [
        Trial(
            name="liked replies",
            aim=f"at least {AIM:.2f} after {AIM_REACTIONS} reactions",
            found=f"{reached[0][1]:.3f} after {reached[0][0]} reactions" if reached else "nobody reacted so often",
            met=reached[0][1] >= AIM if reached else None,
        ),
        _kept(
            served, "control prompts", "control", f"moved by at most {MOST_MOVED:.0%}", lambda low: low >= -MOST_MOVED
        ),
        _kept(served, "right tool", "task: right tool", "unchanged", lambda low: low >= 0),
    ]


def _kept(served: list[JobOutcome], name: str, row: str, aim: str, met: Callable[[float], bool]) -> Trial:
    """How far the lowest of some of the gate's rows has dropped, over the versions that were served."""
    values = [value for job in served for key, value in job.kept.items() if key.startswith(row)]
    if not values:
        return Trial(name=name, aim=aim, found="no version with this measure was served", met=None)
    found = f"changed by {min(values):+.3f} at worst, over {len(served)} versions that were served"
    return Trial(name=name, aim=aim, found=found, met=met(min(values)))


async def hostile_votes(simulation: Simulation) -> Trial:
    """Have a few accounts vote for the opposite of what all others like, and see what that does to the others."""
    votes, recognition = simulation.options.hostile, simulation.recognition
    aim = f"{votes} hostile votes move the others' replies by at most {MOST_MOVED:.0%}"
    if recognition is None:
        return Trial(name="hostile votes", aim=aim, found="the people are not known", met=None)
    attackers = make_hostile(simulation.people, recognition, simulation.options)
    before = await _liked(simulation)
    await simulation.talk_until(attackers, -(-votes // len(attackers)))
    outcomes = await simulation.train(simulation.options.reactions)
    after = await _liked(simulation)
    became = ", ".join(f"{each.level}: {each.outcome}" for each in outcomes) or "no training was due"
    return Trial(
        name="hostile votes",
        aim=aim,
        found=f"the others' liked share went from {before:.3f} to {after:.3f} ({became})",
        met=abs(after - before) <= MOST_MOVED,
    )


async def taken_off(simulation: Simulation, person: SimulatedPerson) -> Trial:
    """Have a person take all reactions off, and see what is left of them after the next trainings.

    The person then has to be answered as somebody who has never been heard.
    """
    host, platform = simulation.host, simulation.host.platform.name
    own = await simulation.served(Level.PERSONAL, person.person_id(platform))
    before = (await _shares(simulation, [person]))[0]
    for sent, emoji in simulation.given[person.name]:
        await host.react(person.name, sent, emoji, removed=True)
    await host.learn()
    registry = host.runtime.training.registry
    gone = own is None or not await asyncio.to_thread(Path(own).exists)
    await simulation.train(simulation.options.reactions)
    stranger = SimulatedPerson(f"stranger-{token_hex(4)}", person.taste, person.recognition, person.habits)
    after, never = await _shares(simulation, [person, stranger])
    left = [
        version.name
        for version in await registry.served(host.bot)
        for contributor, _ in await registry.contributors(version)
        if contributor == person.person_id(platform)
    ]
    files = (
        "no LoRA of their own was there" if own is None else f"their own LoRA's files are {'gone' if gone else 'THERE'}"
    )
    return Trial(
        name="reactions taken off",
        aim="nothing of them is left after the next trainings",
        found=f"{files}; {len(left)} served versions learned from them; liked {before:.2f} before, {after:.2f} after, "
        f"{never:.2f} for somebody new with the same taste",
        met=gone and not left and abs(after - never) <= 2 / simulation.options.questions,
    )


async def forgotten(simulation: Simulation, person: SimulatedPerson) -> Trial:
    """Have a person say something that nobody else says, then /forget, and look for both in all files."""
    host = simulation.host
    secret = f"zq{token_hex(8)}"
    sent = (await host.say([(person.name, f"add {secret} on Friday at 3pm")]))[0]
    await host.react(person.name, sent, LIKE)
    there = await asyncio.to_thread(_files_with, host.runtime.settings.data, (person.name, secret))
    asked = (await host.say([(person.name, "/forget")]))[0]
    button = next((each for each in asked.reply.buttons if each.style == "danger"), None)
    if button is None:
        return Trial(name="forgotten", aim="no trace is left", found="/forget has offered no button", met=False)
    await host.press(person.name, asked, button.value)
    await simulation.train(simulation.options.reactions)
    left = await asyncio.to_thread(_files_with, host.runtime.settings.data, (person.name, secret))
    return Trial(
        name="forgotten",
        aim="no trace is left",
        found=f"the person's account or words were in {len(there)} files before, and are in {len(left)} after"
        + (f": {', '.join(left)}" if left else ""),
        met=bool(there) and not left,
    )


def _files_with(folder: Path, words: tuple[str, ...]) -> list[str]:
    """The files under a folder that hold one of some words, as text, without the installed models."""
    found: list[str] = []
    wanted = [word.encode() for word in words]
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if name.parts[0] == MODELS_FOLDER or not file.is_file():
            continue
        data = file.read_bytes()
        if any(word in data for word in wanted) or any(word in str(name) for word in words):
            found.append(str(name))
    return found


async def _shares(simulation: Simulation, people: list[SimulatedPerson]) -> list[float]:
    """The share of fresh replies that each person likes, answered as the host would now."""
    platform, resolver = simulation.host.platform.name, simulation.host.runtime.training.resolver
    loras = {each.name: resolver.resolve(each.person_id(platform)) for each in people}
    found: list[list[bool]] = [[] for _ in people]
    for _ in range(DRAWS):
        for each, person, said in zip(found, people, await simulation.replies(people, loras), strict=True):
            each += map(person.likes, said)
    return [sum(each) / len(each) for each in found]


async def _liked(simulation: Simulation) -> float:
    shares = await _shares(simulation, simulation.people)
    return sum(shares) / len(shares)

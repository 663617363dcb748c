"""Reads what a training learns from: the replies that people judged, cleaned and split. Steps 1 and 2 of fine-tuning.

A shared LoRA learns from everybody who agrees to it, a personal one from one person's own reactions to what that person
was answered, and a group's from such reactions of all its people. What people outside of a group think is the prior of
what its people like. Everything is read anew each time: what was taken back meanwhile is not there any more.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from llmagent_os.chat import Message, ToolCall, ToolSpec
from llmagent_os.identity import NOBODY, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.training_values import Level, TrainingJob
from llmagent_os.modules.taste_words import persona_in_words
from llmagent_os.people.directory import Directory
from llmagent_os.serving.tool_call_parsing import calls_of
from llmagent_os.training.example_cleaning import clean_examples
from llmagent_os.training.example_splits import ExampleSplits, Unit, split_examples
from llmagent_os.training.hacks.reply_words import words_of
from llmagent_os.training.ledger_examples import ledger_examples
from llmagent_os.training.reward_model import Opinion, RewardModel, fit_reward_model
from llmagent_os.training.training_config import LEAST_PEOPLE
from llmagent_os.training.training_example import CORRECTED, CURATED, TrainingExample
from llmagent_os.training.training_plan import NothingToLearn
from llmagent_os.training.unjudged_chats import UnjudgedChat, unjudged_chats

#: With fewer judged replies, nobody could tell from the held-out ones whether anything became better.
LEAST_REPLIES = 8

#: From so many people, or else conversations, on, none of them is in two sets.
LEAST_UNITS = 8

_VALIDATION_SHARE, _TEST_SHARE = 0.1, 0.25


class ReactionData(msgspec.Struct, frozen=True, kw_only=True):
    """What people thought of a bot's replies."""

    splits: ExampleSplits
    others: tuple[Opinion, ...] = ()  #: of people outside of the group that is trained
    other_people: tuple[PersonId, ...] = ()  #: whose words and opinions are in ``others``
    unjudged: tuple[UnjudgedChat, ...] = ()  #: what was asked without a reaction, never by who is held out
    validation_chats: tuple[UnjudgedChat, ...] = ()  #: the same, by who is in the validation set
    fresh_chats: tuple[UnjudgedChat, ...] = ()  #: the same, of one person: nothing is learned there, versions answer it
    through: int  #: the row of the last reward that was read
    left_out: dict[str, int]  #: how many replies or examples were left out, by reason in words

    @property
    def learned(self) -> tuple[TrainingExample, ...]:
        """What is trained on, or decides when training ends."""
        return (*self.splits.training, *self.splits.validation)

    @property
    def tools(self) -> tuple[ToolSpec, ...]:
        """The tools that the bot had last."""
        return next((each.tools for each in reversed(self.learned) if each.tools), ())

    @property
    def prior(self) -> RewardModel | None:
        """What is known of a group's people before they are heard: what everybody else likes. None: nothing."""
        return fit_reward_model(self.others) if self.others else None

    @property
    def contributors(self) -> tuple[PersonId, ...]:
        """Whose words or opinions are learned from, sorted."""
        return tuple(sorted({*contributors_of((*self.learned, *self.unjudged)), *self.other_people}))

    @property
    def counts(self) -> dict[str, int]:
        """How many examples are in each set."""
        return {name: len(getattr(self.splits, name)) for name in ("training", "validation", "test")}


async def read_reactions(
    ledger: Ledger, directory: Directory, job: TrainingJob, *, group_people: int = LEAST_PEOPLE
) -> ReactionData | NothingToLearn:
    """Read what a job may learn from.

    Args:
        ledger: the bot's.
        directory: says who has agreed to be learned from.
        job: whose LoRA is trained.
        group_people: a group's LoRA is trained on the opinions of as many people or more.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    found = await ledger_examples(ledger, directory.consents_to_training)
    people = await _people(ledger, job)
    own = [each for each in found.examples if people is None or _is_own(each, people)]
    clean = clean_examples(own)
    left_out = dict(Counter(found.passed_over) + Counter(clean.dropped))
    heard = len({each.person for each in clean.examples})
    if job.level == Level.GROUP and heard < group_people:
        return NothingToLearn(
            f"{heard} {persona_in_words(job.subject)} have judged replies, and {group_people} are needed: the LoRA of "
            f"fewer people would tell one of them what another has said{_listed(left_out)}"
        )
    replies = {_reply(each) for each in clean.examples}
    if len(replies) < LEAST_REPLIES:
        return NothingToLearn(
            f"{len(replies)} judged replies can be learned from, and {LEAST_REPLIES} are needed{_listed(left_out)}"
        )
    by: Unit = "time" if job.level == Level.PERSONAL else _unit(clean.examples)
    splits = split_examples(clean.examples, by=by, validation=_VALIDATION_SHARE, test=_TEST_SHARE)
    if not splits.test:
        return NothingToLearn("no judged replies can be held out: nearly all are of one person or conversation")
    others = [each for each in found.examples if job.level == Level.GROUP and each.person not in (people or ())]
    chats = await unjudged_chats(ledger, directory.consents_to_training, people=people)
    learned, validation, test = (_conversations(each) for each in (splits.training, splits.validation, splits.test))
    fresh = _fresh(chats) if job.level == Level.PERSONAL else ()
    chats = [each for each in chats if each not in fresh]
    return ReactionData(
        splits=splits,
        others=tuple(opinions_of(clean_examples(others).examples)),
        other_people=contributors_of(others),
        unjudged=tuple(each for each in chats if each.conversation not in (validation | test) - learned),
        validation_chats=tuple(each for each in chats if each.conversation in validation - learned - test),
        fresh_chats=fresh,
        through=found.through,
        left_out=left_out,
    )


def _fresh(chats: Sequence[UnjudgedChat]) -> tuple[UnjudgedChat, ...]:
    """Every second chat in words, the latest one first among them."""
    return tuple([each for each in chats if not each.has_calls][::-1][::2])


def _conversations(examples: Iterable[TrainingExample]) -> set[str]:
    return {each.conversation for each in examples}


async def _people(ledger: Ledger, job: TrainingJob) -> frozenset[PersonId] | None:
    """Whose own opinions are learned from; None: everybody's, on whatever reply."""
    match job.level:
        case Level.SHARED:
            return None
        case Level.GROUP:
            return frozenset(await ledger.personas.members(job.bot, job.subject))
        case Level.PERSONAL:
            return frozenset({PersonId(job.subject)})


def _is_own(example: TrainingExample, people: frozenset[PersonId]) -> bool:
    """Whether an example is about a reply to one of these people, and nobody else has judged it."""
    return example.person in people and set(example.raters) <= {example.person}


def _reply(example: TrainingExample) -> str:
    return example.origin.removesuffix(CORRECTED)


def _unit(examples: Sequence[TrainingExample]) -> Unit:
    """What is never parted: people where there are enough, else conversations, else earlier and later."""
    if len({each.person for each in examples}) >= LEAST_UNITS:
        return "person"
    return "conversation" if len({each.conversation for each in examples}) >= LEAST_UNITS else "time"


def _listed(left_out: dict[str, int]) -> str:
    reasons = ", ".join(f"{count}: {why}" for why, count in sorted(left_out.items()))
    return f"; left out: {reasons}" if reasons else ""


# ── what examples are about ───────────────────────────────────────────────────────────────────────────────────────────


def is_correction(example: TrainingExample) -> bool:
    """Whether an example's last turn is the call that a reply should have made, which nobody has served."""
    return example.origin.endswith(CORRECTED)


def is_curated(example: TrainingExample) -> bool:
    """Whether the bot's makers wrote an example. Then it is nobody's opinion, and nobody was served it."""
    return example.origin.startswith(CURATED)


def has_calls(example: TrainingExample) -> bool:
    """Whether the last turn is a tool call."""
    return bool(calls_of(example.messages[-1]))


def right_calls(examples: Iterable[TrainingExample]) -> dict[str, ToolCall]:
    """The calls that replies should have made, by the origin of the reply's example."""
    return {_reply(each): calls_of(each.messages[-1])[0] for each in examples if is_correction(each)}


def opinions_of(examples: Sequence[TrainingExample]) -> list[Opinion]:
    """What people thought of the replies that they got, for a reward model.

    Where a tool should have been called, nobody has said anything of the words that came in its place. Nor does "wrong"
    say anything of how words were put.
    """
    corrected = right_calls(examples)
    return [
        Opinion(
            text=str(each.messages[-1].get("content") or ""),
            calls=tuple(calls_of(each.messages[-1])),
            reward=each.reward,
            weight=each.weight,
            person=each.person,
        )
        for each in examples
        if each.of_wording
        and not is_correction(each)
        and not is_curated(each)
        and (has_calls(each) or each.origin not in corrected)
    ]


def asked_text(messages: Sequence[Message]) -> str:
    """The words of the last thing that a person said, by which prompts are compared: case and signs do not matter."""
    said = next((str(turn.get("content") or "") for turn in reversed(messages) if turn["role"] == "user"), "")
    return " ".join(words_of(said))


def contributors_of(examples: Sequence[TrainingExample | UnjudgedChat]) -> tuple[PersonId, ...]:
    """Whose words or opinions are in examples and chats, sorted."""
    found = {each.person for each in examples}
    found.update(rater for each in examples if isinstance(each, TrainingExample) for rater in each.raters)
    return tuple(sorted(found - {NOBODY}))


def contributions_of(examples: Iterable[TrainingExample]) -> dict[PersonId, float]:
    """How much each person's opinions count: sums of absolute reward × weight, shared among the raters of a reply."""
    found: dict[PersonId, float] = {}
    for each in examples:
        if is_curated(each):
            continue
        raters = each.raters or (each.person,)
        for rater in raters:
            found[rater] = found.get(rater, 0.0) + abs(each.reward) * each.weight / len(raters)
    return found


def hash_of(examples: Sequence[TrainingExample]) -> str:
    """The SHA-256 of examples, in hexadecimal digits."""
    return hashlib.sha256(msgspec.json.encode(examples, order="deterministic")).hexdigest()

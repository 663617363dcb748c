"""Reads what a training learns from: the replies that people judged, cleaned and split. Steps 1 and 2 of fine-tuning.

A shared LoRA learns from everybody who agrees to it, a personal one from one person's own reactions to what that person
was answered. Everything is read anew each time: what was taken back meanwhile is not there any more.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.errors import ConfigError
from llmagent_os.identity import NOBODY, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.training_values import Level, TrainingJob
from llmagent_os.people.directory import Directory
from llmagent_os.serving.tool_call_parsing import calls_of
from llmagent_os.training.example_cleaning import clean_examples
from llmagent_os.training.example_splits import ExampleSplits, Unit, split_examples
from llmagent_os.training.ledger_examples import ledger_examples
from llmagent_os.training.reward_model import Opinion
from llmagent_os.training.training_example import CORRECTED, TrainingExample
from llmagent_os.training.training_plan import NothingToLearn

#: With fewer judged replies, nobody could tell from the held-out ones whether anything became better.
LEAST_REPLIES = 8

#: From so many people, or else conversations, on, none of them is in two sets.
LEAST_UNITS = 8

_VALIDATION_SHARE, _TEST_SHARE = 0.1, 0.25


class ReactionData(msgspec.Struct, frozen=True, kw_only=True):
    """What people thought of a bot's replies."""

    splits: ExampleSplits
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
    def counts(self) -> dict[str, int]:
        """How many examples are in each set."""
        return {name: len(getattr(self.splits, name)) for name in ("training", "validation", "test")}


async def read_reactions(ledger: Ledger, directory: Directory, job: TrainingJob) -> ReactionData | NothingToLearn:
    """Read what a job may learn from.

    Args:
        ledger: the bot's.
        directory: says who has agreed to be learned from.
        job: whose LoRA is trained.

    Raises:
        ConfigError: the job is for a group of people.
        LedgerError: the ledger cannot be read.
    """
    if job.level == Level.GROUP:
        raise ConfigError("a group's LoRA cannot be trained: train the shared one, or that of one person")
    found = await ledger_examples(ledger, directory.consents)
    own = [each for each in found.examples if job.level == Level.SHARED or _is_all_of(each, PersonId(job.subject))]
    clean = clean_examples(own)
    left_out = dict(Counter(found.passed_over) + Counter(clean.dropped))
    replies = {_reply(each) for each in clean.examples}
    if len(replies) < LEAST_REPLIES:
        return NothingToLearn(
            f"{len(replies)} judged replies can be learned from, and {LEAST_REPLIES} are needed{_listed(left_out)}"
        )
    by: Unit = "time" if job.level == Level.PERSONAL else _unit(clean.examples)
    splits = split_examples(clean.examples, by=by, validation=_VALIDATION_SHARE, test=_TEST_SHARE)
    if not splits.test:
        return NothingToLearn("no judged replies can be held out: nearly all are of one person or conversation")
    return ReactionData(splits=splits, through=found.through, left_out=left_out)


def _is_all_of(example: TrainingExample, person: PersonId) -> bool:
    return example.person == person and set(example.raters) <= {person}


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


def has_calls(example: TrainingExample) -> bool:
    """Whether the last turn is a tool call."""
    return bool(calls_of(example.messages[-1]))


def right_calls(examples: Iterable[TrainingExample]) -> dict[str, ToolCall]:
    """The calls that replies should have made, by the origin of the reply's example."""
    return {_reply(each): calls_of(each.messages[-1])[0] for each in examples if is_correction(each)}


def opinions_of(examples: Sequence[TrainingExample]) -> list[Opinion]:
    """What people thought of the replies that they got, for a reward model.

    Where a tool should have been called, nobody has said anything of the words that came in its place.
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
        if not is_correction(each) and (has_calls(each) or each.origin not in corrected)
    ]


def contributors_of(examples: Iterable[TrainingExample]) -> tuple[PersonId, ...]:
    """Whose words or opinions are in the examples, sorted."""
    return tuple(sorted({person for each in examples for person in (each.person, *each.raters) if person != NOBODY}))


def contributions_of(examples: Iterable[TrainingExample]) -> dict[PersonId, float]:
    """How much each person's opinions count: sums of absolute reward × weight, shared among the raters of a reply."""
    found: dict[PersonId, float] = {}
    for each in examples:
        raters = each.raters or (each.person,)
        for rater in raters:
            found[rater] = found.get(rater, 0.0) + abs(each.reward) * each.weight / len(raters)
    return found


def hash_of(examples: Sequence[TrainingExample]) -> str:
    """The SHA-256 of examples, in hexadecimal digits."""
    return hashlib.sha256(msgspec.json.encode(examples, order="deterministic")).hexdigest()

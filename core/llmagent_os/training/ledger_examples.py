"""Makes examples of what people thought of the bot's replies, from the ledger.

Only people who may be learned from are: neither what others said is used, nor what others thought. A reply gives up to
one example for each of its completions that an opinion is about (``credit_assignment``), liked or disliked. Where a
person who complained has said what they want again, and so shown which tool call was meant, there is one more, with the
right call and the wrong one (``second_try``). Where a plugin's rules had misread them, that is the only one
(``misread_examples``). Where they have said why they complain, that decides what the opinion is about
(``spoken_reasons``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from llmagent_os.chat import ToolCall, ToolSpec
from llmagent_os.feedback.rater_trust import Trust
from llmagent_os.identity import PersonId
from llmagent_os.ledger import CompletionRecord, Interaction, Ledger, RewardEvent
from llmagent_os.privacy.masking import MASKS
from llmagent_os.training.consented_opinions import ConsentedOpinions
from llmagent_os.training.credit_assignment import (
    MISREAD,
    OF_CONTENT,
    WORDING,
    Credit,
    Opinion,
    assign_credit,
    credit_of,
)
from llmagent_os.training.misread_examples import misread_example
from llmagent_os.training.recorded_turn import assistant_turn, learnable_completions, logged_tokens, turn_of
from llmagent_os.training.reply_opinions import OpinionReader, ReplyOpinions
from llmagent_os.training.second_try import second_try
from llmagent_os.training.spoken_reasons import SpokenReason, kept_reason, reasoned, spoken_reason, without_reason
from llmagent_os.training.training_example import CORRECTED, TrainingExample

#: How many replies are learned from at most: those with the latest rewards.
MOST_REPLIES = 20_000

#: Opinions whose mean is closer to 0 than this cancel out.
LEAST_REWARD = 0.1

#: The weight of a call that the person corrected, where it is not known whether the bot misread the person. People also
#: change their minds, and say another day than they meant.
UNPROVEN_WEIGHT = 0.5


class LedgerExamples(msgspec.Struct, frozen=True, kw_only=True):
    """What the rewards after a row of the ledger say."""

    examples: tuple[TrainingExample, ...]  #: in the order in which they were written
    passed_over: dict[str, int]  #: how many replies or completions gave no example, by reason in words
    through: int  #: the row of the last reward that was read: read on from here
    trust: Trust  #: the trust in raters after that row


async def ledger_examples(
    ledger: Ledger,
    consents: Callable[[PersonId], Awaitable[bool]],
    *,
    after: int = 0,
    trust: Trust | None = None,
    most: int = MOST_REPLIES,
) -> LedgerExamples:
    """Read the replies that got a reward after a row of the ledger. What it costs grows with these alone.

    Args:
        ledger: the bot's ledger.
        consents: whether a person may be learned from (``Directory.consents``). It is asked for everybody who was
            answered and for everybody who gave an opinion, each time: consent may be withdrawn.
        after: the row of the last reward that was read before; 0: nothing was.
        trust: the trust in raters after that row.
        most: how many replies are read at most: those with the latest rewards.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    reader = OpinionReader(after, trust, most=most)
    maker = _Maker(ledger, consents)
    for opinions in sorted(await reader.read(ledger), key=lambda each: each.written_at):
        await maker.take(opinions)
    return LedgerExamples(
        examples=tuple(maker.examples),
        passed_over=dict(maker.passed_over),
        through=reader.through,
        trust=reader.trust,
    )


class _Maker:
    """Makes the examples of one reply after another."""

    def __init__(self, ledger: Ledger, consents: Callable[[PersonId], Awaitable[bool]]) -> None:
        self.examples: list[TrainingExample] = []
        self.passed_over = Counter[str]()
        self._ledger = ledger
        self._consented = ConsentedOpinions(ledger, consents)
        self._tool_sets: dict[str, tuple[ToolSpec, ...] | None] = {}

    async def take(self, opinions: ReplyOpinions) -> None:
        """Add the examples of one reply."""
        reply = opinions.reply
        interaction = reply.interaction
        if interaction is None or not await self._consented.agrees(reply.person):
            return self._pass_over("the person has not agreed to it")
        completions = await learnable_completions(self._ledger, interaction)
        spoken = kept_reason(opinions) or await spoken_reason(self._ledger, interaction)
        signs = without_reason(await self._consented.signs(opinions), spoken)
        doubts = await self._consented.doubts(opinions)
        given = await self._consented.opinions(opinions, signs)
        meant = None
        if spoken is None or not spoken.is_of_wording:
            meant = await self._meant(interaction, completions, [*signs, *doubts], given)
        if meant is not None:
            given = _about_the_call(await self._consented.opinions(opinions, [*signs, *doubts]))
            if await self._take_misread(interaction, completions, given, reply.person, meant):
                return None
        else:
            given = reasoned(given, opinions, spoken)
        if meant is None and interaction.context.get("replaced"):  # these are about words that no model wrote
            given = [each for each in given if each.kind not in ("reaction", WORDING)]
        credits_ = assign_credit(interaction, completions, given)
        if not credits_:
            replaced = bool(interaction.context.get("replaced"))
            return self._pass_over(
                "the model's words were replaced" if replaced else "no opinion is about what a model wrote"
            )
        for credit in credits_:
            record = completions[credit.position]
            example, why = await self._example(interaction, record, credit, reply.person, spoken)
            if example is None:
                self._pass_over(why)
                continue
            example = msgspec.structs.replace(example, edited=_new_words(signs))
            target = _target(example, meant) if record is _read_wrong(interaction, completions) else None
            if record.tool_calls and credit.kinds <= MISREAD and target is None:
                example = msgspec.structs.replace(example, weight=example.weight * UNPROVEN_WEIGHT)
            self.examples += [example] if target is None else [example, target]
        return None

    async def _take_misread(
        self,
        interaction: Interaction,
        completions: Sequence[CompletionRecord],
        given: Sequence[Opinion],
        person: PersonId,
        meant: ToolCall,
    ) -> bool:
        """Add the call that was meant, where a plugin's rules misread the message. No model wrote what was wrong."""
        record, about = (
            _read_wrong(interaction, completions),
            [each for each in given if each.kind in MISREAD and each.weight > 0],
        )
        if not interaction.calls_by_rules or record is None or not about:
            return False
        credit = credit_of(completions.index(record), about)
        example, _ = await self._example(interaction, record, credit, person, None)
        target = None if example is None else misread_example(example, interaction, meant)
        self.examples += [] if target is None else [target]
        return target is not None

    def _pass_over(self, why: str) -> None:
        self.passed_over[why] += 1

    async def _example(
        self,
        interaction: Interaction,
        record: CompletionRecord,
        credit: Credit,
        person: PersonId,
        spoken: SpokenReason | None,
    ) -> tuple[TrainingExample | None, str]:
        """The example of one completion; None, and why there is none."""
        if abs(credit.reward) < LEAST_REWARD:
            return None, "the opinions cancel out"
        if record.messages is None or record.tools is None:
            return None, "it was kept without its chat, by an older version"
        turn = assistant_turn(record)
        if any(mask in str(turn) for mask in MASKS):
            return None, "what the model wrote was masked"
        tools = await self._tools(record.tools)
        if tools is None or not record.messages:
            return None, "its chat or its tools cannot be read"
        return TrainingExample(
            messages=(*record.messages, turn),
            tools=tools,
            origin=f"ledger:{interaction.interaction_id}",
            person=person,
            # A prompt holds the words of its person alone, also where others talk in the same room.
            conversation=f"{interaction.conversation_key} {person}",
            episode=interaction.episode_id,
            turn=interaction.turn_index,
            raters=tuple(sorted({await self._consented.person(rater) for rater in credit.raters})),
            reward=credit.reward,
            weight=credit.weight,
            of_wording=bool(record.tool_calls) or not credit.kinds <= OF_CONTENT,
            reason=spoken.reason if spoken is not None and WORDING in credit.kinds else None,
            action=dict(interaction.action),
            written=interaction.created_at.timestamp(),
            logged=logged_tokens(record),
        ), ""

    async def _meant(
        self,
        interaction: Interaction,
        completions: Sequence[CompletionRecord],
        signs: Sequence[RewardEvent],
        given: Sequence[Opinion],
    ) -> ToolCall | None:
        """The call that the person's words should have led to. None: nobody complained, or nobody has shown it."""
        record = _read_wrong(interaction, completions)
        complaints = [sign for sign in signs if sign.kind in MISREAD]
        if record is None or not (complaints or any(each.kind == "reaction" and each.reward < 0 for each in given)):
            return None
        tools = await self._tools(record.tools or "")
        return await second_try(self._ledger, interaction, record, tools, complaints) if tools else None

    async def _tools(self, sha256: str) -> tuple[ToolSpec, ...] | None:
        if not sha256:
            return ()
        if sha256 not in self._tool_sets:
            self._tool_sets[sha256] = await self._ledger.tool_set(sha256)
        return self._tool_sets[sha256]


def _read_wrong(interaction: Interaction, completions: Sequence[CompletionRecord]) -> CompletionRecord | None:
    """The completion that shows how the person was understood: the last that calls tools, or else the words.

    Where rules read the message, the words show only what was asked: they may also be such as nobody has read.
    """
    if interaction.calls_by_rules:
        return next(iter(completions), None)
    calls = [each for each in completions if each.tool_calls]
    words = [each for each in completions if each.sent]
    return next(iter([*calls[-1:], *words]), None)


def _new_words(signs: Sequence[RewardEvent]) -> str:
    """What the person changed their words to; empty: they did not, or something was masked in them."""
    words = next((sign.raw_value for sign in reversed(signs) if sign.kind == "edited"), "")
    return "" if any(mask in words for mask in MASKS) else words


def _about_the_call(opinions: Sequence[Opinion]) -> list[Opinion]:
    """The opinions, where the next words have shown that the call was wrong: what is said against it is about that."""
    return [
        msgspec.structs.replace(each, kind="correction") if each.kind == "reaction" and each.reward < 0 else each
        for each in opinions
    ]


def _target(example: TrainingExample, meant: ToolCall | None) -> TrainingExample | None:
    """The example with the call that was meant. None: it is not known, or the reply is liked all the same."""
    if meant is None or example.reward > 0:
        return None
    *before, answer = example.messages
    return msgspec.structs.replace(
        example,
        messages=(*before, turn_of("", (meant,))),
        origin=example.origin + CORRECTED,
        episode="",  # it was not said: no turn before it led there
        reward=abs(example.reward),
        rejected=answer,
        logged=None,
    )

"""What the ledger keeps and returns, as frozen values."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any, Literal

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.chat import Message, ToolCall, ToolSpec
from llmagent_os.events import Event, now
from llmagent_os.identity import Identity, PersonId

#: The key in ``Interaction.context`` of the number of the first tool calls that a plugin's rules read. It is left out
#: where a model drew all calls.
BY_RULES = "by_rules"

#: The key in the context of an interaction that names the passages of documents that had a part in the reply.
PASSAGES = "passages"


class Accepted(Enum):
    """What became of an event that was offered to the inbox."""

    NEW = "new"  #: stored
    DUPLICATE = "duplicate"  #: stored before: this is a redelivery
    FULL = "full"  #: not stored: too many events of its conversation are unfinished
    SENDER_FULL = "sender full"  #: not stored: too many events of its sender are unfinished


class CompletionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One completion that a model wrote for a reply, with everything needed to learn from it.

    :class:`~llmagent_os.chat.Completion` says what the numbers mean. Ledgers of revision 0004 and older kept only the
    last completion of a reply, and fewer fields; those of revision 0010 and older no messages. None stands for what
    they left out.
    """

    prompt: str = ""  #: what the model read; empty: the model did not tell
    #: the tokens of the prompt; empty: from a server, or masked; None: not recorded
    prompt_token_ids: tuple[int, ...] | None = ()
    completion: str = ""  #: the words that the model wrote; a call that was not valid stands here as it was written
    tool_calls: tuple[ToolCall, ...] = ()  #: the calls that the completion made, without their results
    token_ids: tuple[int, ...] = ()  #: the completion's tokens; empty: from a server, or masked
    behavior_logprobs: tuple[float, ...] = ()  #: nats, one a token, of the distribution that was sampled from
    temperature: float | None = 0.0  #: 0: not sampled, the likeliest token was taken; None: not recorded
    constraint: str | None = ""  #: what restricted the tokens, as JSON; empty: nothing, or unknown; None: not recorded
    model: str = ""  #: the model's name
    model_hash: str = ""  #: first 12 hexadecimal digits of the SHA-256 of the base weights; empty: not known
    lora_version: str = ""  #: the LoRA that the model wrote with; ``base``: no LoRA
    reasoning: str = ""  #: what the model thought before the words; nobody was shown it
    messages: tuple[Message, ...] | None = ()  #: the chat that the completion continues; None: not recorded
    tools: str | None = ""  #: names the set of tools that could be called; empty: no tool; None: not recorded
    #: whether something in the prompt, the words or the calls was masked, so that all tokens were dropped; None: not
    #: recorded
    masked: bool | None = False
    #: whether the words were sent as they are. False for a completion that calls tools, for a call that was not valid,
    #: and for words that were replaced because they did not fit the results. Rewards are about the words that were sent
    #: and the tools that were called, never about replaced words or calls that were not valid.
    sent: bool = False

    @property
    def sampled(self) -> bool | None:
        """Whether the tokens were drawn at random. None: not recorded.

        >>> [CompletionRecord(temperature=temperature).sampled for temperature in (0.7, 0.0, None)]
        [True, False, None]
        """
        return None if self.temperature is None else self.temperature > 0


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    """One reply, and everything needed to learn from it."""

    interaction_id: str  #: unique: :func:`event_key` of the event answered, so that a retry has the same id
    event_id: str  #: the platform's id of the event answered
    episode_id: str = ""  #: the episode: the stretch of talk that the reply belongs to
    turn_index: int = 0  #: the place of the reply in its episode, from 0
    user_id: Identity  #: the identity that was answered; linking does not change it
    conversation_key: str  #: ``Conversation.key`` of where the reply was given
    context: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])  #: what the policy saw
    action: dict[str, str] = msgspec.field(default_factory=dict[str, str])  #: the behaviour chosen
    action_dist: dict[str, float] = msgspec.field(default_factory=dict[str, float])  #: probability of every choice
    pscore: float = 1.0  #: probability of the choice made, in (0, 1]
    policy_version: str = ""  #: the behaviour policy that chose
    completion: str = ""  #: the last words that the model wrote
    lora_version: str = ""  #: the LoRA that wrote ``completion``; ``base``: no LoRA; empty: no model wrote it
    model: str = ""  #: the model that wrote ``completion``; empty: no model did
    #: all that the model wrote for this reply, in order. They are big, so most reads leave them out: see
    #: ``Ledger.completions_of``
    completions: tuple[CompletionRecord, ...] = ()
    #: the tools that the model could call. They are kept once, however many replies have them, and no read returns
    #: them: see ``Ledger.tool_set``
    tools: tuple[ToolSpec, ...] = ()
    #: what the model could call after it had looked for other tools, one set for each search. They are kept like
    #: ``tools``
    found_tools: tuple[tuple[ToolSpec, ...], ...] = ()
    tool_calls: list[dict[str, Any]] = msgspec.field(default_factory=list[dict[str, Any]])  #: name, arguments, result
    said: str = ""  #: what the person wrote
    #: the bot said nothing, to what people said to each other: a decision without words, theirs or its own
    silent: bool = False
    created_at: datetime = msgspec.field(default_factory=now)  #: UTC

    @property
    def calls_by_rules(self) -> int:
        """How many of the first tool calls a plugin's rules read in the message. No model drew these."""
        count = self.context.get(BY_RULES, 0)
        return count if isinstance(count, int) else 0


class RewardEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One sign of what a person thinks of a reply. A row of the ledger that is never changed.

    A person's reactions on a reply add up to what they think of it now. Taking an emoji off is a row of its own, which
    changes their opinion back. What the person said next, and a tool that failed, are rows of other kinds.
    """

    reward_id: str  #: unique: :func:`event_key` of the reaction, so that a redelivery has the same id
    event_id: str  #: the platform's id of the reaction, or of whatever else is the sign
    interaction_id: str  #: the reply that the sign is about
    rater_id: Identity  #: the identity that reacted: :func:`~llmagent_os.identity.identity_of` of the reaction
    user_id: Identity  #: the identity that the reply answered
    kind: str = "reaction"  #: the signal, one of ``feedback.signals``; a kind that is not known there teaches nothing
    op: Literal["add", "remove", "ask"]  #: ``ask``: the person was asked for the reason of a 👎
    #: the emoji, as the platform wrote it; of ``edited`` the new words; of ``reason`` its code or words; else empty
    raw_value: str
    reward: float  #: by how much this row changes the opinion
    mapping_version: str  #: the reward mapping that gave ``reward``
    at: datetime = msgspec.field(default_factory=now)  #: UTC


class RewardWithReply(msgspec.Struct, frozen=True, kw_only=True):
    """One reward, the reply that it is about, and all rewards of that reply up to then."""

    seq: int  #: the reward's row; rises in the order in which rewards came
    reward: RewardEvent | None  #: None: the row cannot be read
    interaction: Interaction | None  #: the reply; None: it was erased, or cannot be read
    person: PersonId  #: the person who was answered, under whichever identity
    identities: tuple[Identity, ...]  #: all identities of that person; the one that was answered is first
    so_far: list[RewardEvent]  #: all rewards of the reply up to this one, in order


class Latest(msgspec.Struct, frozen=True):
    """What happened last in a group."""

    decision: Interaction | None  #: the last reply or silence, towards whomever; None: there is none that can be read
    turns: tuple[Interaction, ...]  #: the latest replies to one account, oldest first


class ReplyWithRewards(msgspec.Struct, frozen=True, kw_only=True):
    """One reply, and all rewards of it."""

    seq: int  #: the reply's row; rises in the order in which replies were made
    interaction: Interaction | None  #: the reply; None: it cannot be read
    person: PersonId  #: the person who was answered, under whichever identity
    identities: tuple[Identity, ...]  #: all identities of that person; the one that was answered is first
    rewards: list[RewardEvent]  #: in the order in which they came


class UnfinishedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the inbox that still has to be run, or whose reply still has to be sent."""

    seq: int  #: the event's row; rises in the order of arrival
    event: Event
    prepared: bool = False  #: the reply is decided: send it, and do not ask the agent again
    reply: Reply | None = None  #: the reply decided; None: nothing is to be sent
    why: str | None = None  #: what went wrong, where the reply is an apology
    tries: int = 0  #: how often the handler was begun with the event; a stop that was asked for does not count
    revived: bool = False  #: it was a dead letter, and is to be run again


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was tried as often as anything is. It is kept, and can be run again."""

    seq: int  #: the event's row: its number on the command line
    platform: str
    accepted_at: datetime  #: UTC
    tries: int  #: how often the handler was begun with the event
    why: str  #: what went wrong, without anything that the person wrote

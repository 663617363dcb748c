"""One example that a model can be trained on, before it becomes tokens."""

from __future__ import annotations

import msgspec

from llmagent_os.chat import Message, ToolSpec
from llmagent_os.feedback.stated_reasons import StatedReason
from llmagent_os.identity import NOBODY, PersonId

#: Ends the origin of an example that says which call a reply should have made.
CORRECTED = "#corrected"

#: Begins the origin of an example that the bot's makers wrote: nobody's opinion.
CURATED = "curated:"


class LoggedTokens(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of a reply as they were served. Policy gradients need how likely each of them was."""

    prompt_token_ids: tuple[int, ...]
    token_ids: tuple[int, ...]  #: with the end token
    logprobs: tuple[float, ...]  #: nats, one a token, of the distribution that was sampled from
    temperature: float  #: 0: the likeliest token was taken every time
    constraint: str = ""  #: what restricted them; see :attr:`~llmagent_os.chat.Completion.constraint`
    model_hash: str  #: of the base weights
    lora_version: str  #: the LoRA that wrote the reply; ``base``: none


class TrainingExample(msgspec.Struct, frozen=True, kw_only=True):
    """A chat whose last turn is the assistant's: what is learned, or judged.

    Whoever trains on an example may do so: examples of people who have not agreed are never made.
    """

    messages: tuple[Message, ...]  #: the chat, oldest turn first; the last turn is the assistant's
    tools: tuple[ToolSpec, ...] = ()  #: the tools that the model knew
    origin: str  #: where it comes from, for error messages and reports: ``train.jsonl:12``, ``ledger:INTERACTION_ID``
    person: PersonId = NOBODY  #: whose words it holds; :data:`~llmagent_os.identity.NOBODY`: no person's
    conversation: str = ""  #: examples of one conversation never stand on both sides of a split; empty: it stands alone
    episode: str = ""  #: the stretch of talk that it is a turn of; empty: it stands alone
    turn: int = 0  #: the place of the reply in its episode, from 0
    raters: tuple[PersonId, ...] = ()  #: the people whose opinions made :attr:`reward`; empty: nobody's did
    reward: float = 1.0  #: what was thought of the last turn, in [-1, 1]
    weight: float = 1.0  #: how far the raters are trusted, in [0, 1]
    #: whether :attr:`reward` may be about how the last turn is worded; False: about what it says or does alone
    of_wording: bool = True
    reason: StatedReason | None = None  #: what the person said of the wording; None: nothing
    action: dict[str, str] = {}  #: the behaviour that the policy chose for the reply, by dimension; empty: not known
    written: float = 0.0  #: when the reply was written, in seconds since 1970; 0: not known
    edited: str = ""  #: what the person changed their words before the last turn to; empty: they did not
    #: the words by which a misreading of plugins' rules is known, which the last turn puts right; empty: rules had no
    #: say, or nothing tells
    misread: tuple[str, ...] = ()
    rejected: Message | None = None  #: an assistant's turn that was liked less than the last one
    value: float | None = None  #: the reward that was to be expected before the last turn; None: not known
    logged: LoggedTokens | None = None  #: None: it was not served, or its tokens were not kept

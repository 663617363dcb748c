"""Which LoRA writes a reply, and what answers where it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from llmagent_os.ledger.canary_values import CanaryTrial
from llmagent_os.training.misread_by_rules import Cue

#: The style of a reply, where it is not known.
ANY_STYLE: Mapping[str, str] = MappingProxyType({})


class LoraChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The LoRA of one reply. The defaults are those of a bot without trained LoRAs."""

    lora: str | None = None  #: as :class:`~llmagent_os.chat.ChatRequest` names it
    above: tuple[str | None, ...] = ()  #: what answers instead, in this order: the levels above
    #: what messages are known by that plugins' rules misread and the LoRA reads; see
    #: :mod:`~llmagent_os.training.misread_by_rules`
    cues: tuple[Cue, ...] = ()
    trial: CanaryTrial | None = None  #: the test of a canary that the reply is part of; None: of none

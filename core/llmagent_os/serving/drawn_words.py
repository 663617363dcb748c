"""How likely a model draws the words of a reply again: the sampler's distribution, computed for given tokens.

Importance weights divide by what :mod:`.sampling` has recorded. So what is divided must be computed by the same rule:
with the same tokens allowed, the same floor and the same temperature.

Tool calls are not drawn by the engine, so they have no such probability, and no importance weight. Neither has what
was written at temperature 0, under older rules, or by a server that tells no tokens. vLLM tells them, and masks
nothing: there every token was drawn from the whole vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from llmagent_os.serving.constraint_record import MASK_RULES_VERSION, ConstraintRecord
from llmagent_os.serving.vocabulary import Vocabulary

if TYPE_CHECKING:
    import torch

#: ``ln p`` of a token that the model would not draw at all, in nats.
NEVER = -1e4


class DrawnWords(msgspec.Struct, frozen=True, kw_only=True):
    """The rule by which the words of one reply were drawn, as far as it is not a matter of the model."""

    temperature: float  #: above 0
    min_p: float = 0.0  #: the floor
    forbidden: tuple[int, ...] = ()  #: tokens of the output layer that no words hold: markup, and rows without a token
    #: by place in the reply, from the first: the token that would have gone on to open a call. It is taken if it is the
    #: likeliest, and otherwise not allowed
    opening: tuple[int, ...] = ()
    call_above: float = 0.0  #: least probability, at temperature 1, for a call to be opened by one token of markup
    banned: tuple[tuple[int, int], ...] = ()  #: further places, and the token that was not allowed there


def drawn_words(
    constraint: str, temperature: float, tokens: Sequence[int], vocabulary: Vocabulary
) -> DrawnWords | None:
    """Read the rule from what was recorded; None: the reply was not drawn, or by rules that are not known here.

    Args:
        constraint: the :class:`~llmagent_os.serving.constraint_record.ConstraintRecord` as JSON.
        temperature: as recorded; 0: it was not drawn.
        tokens: the reply.
        vocabulary: the model's tokens.
    """
    try:
        record = msgspec.json.decode(constraint, type=ConstraintRecord)
    except msgspec.MsgspecError:  # of a server that tells no tokens, or none
        return None
    if temperature <= 0 or record.rules != MASK_RULES_VERSION:
        return None
    if record.unmasked:
        return DrawnWords(temperature=temperature, min_p=record.min_p or 0.0)
    marker, size = vocabulary.call_ids, len(vocabulary.call_ids) - 1
    begun = next((at for at, token in enumerate(marker) if at >= len(tokens) or tokens[at] != token), len(marker))
    opening = marker[: begun + 1] if record.tools else ()
    ends = [at for at in range(size, len(tokens)) if size and tuple(tokens[at - size : at]) == marker[:-1]]
    words = frozenset(vocabulary.text_ids)
    return DrawnWords(
        temperature=temperature,
        min_p=record.min_p or 0.0,
        forbidden=tuple(id_ for id_ in range(vocabulary.size) if id_ not in words),
        opening=opening,
        call_above=record.call_above or 0.0,
        banned=tuple((at, marker[-1]) for at in ends if at >= len(opening)),
    )


def drawn_logprobs(logits: torch.Tensor, tokens: Sequence[int], rule: DrawnWords) -> torch.Tensor:
    """Compute ``ln p`` of each token of a reply, ``[tokens]``; :data:`NEVER` where the model would not draw the token.

    Gradients flow through what is drawn. What is taken without chance has ``ln p = 0`` and no gradient.

    Args:
        logits: ``[tokens, outputs]``: what the model says before each token.
        tokens: the reply.
        rule: how it was drawn.
    """
    import torch

    from llmagent_os.serving.sampling import FORBIDDEN, word_logprobs

    masked = logits.float().clone()  # [tokens, outputs]
    if rule.forbidden:
        masked[:, list(rule.forbidden)] = FORBIDDEN
    taken: dict[int, float] = {}
    for at, marker in enumerate(rule.opening[: len(tokens)]):
        opens = _opens(masked[at].detach(), float(logits[at, marker].detach()), marker, rule)
        if opens or tokens[at] == marker:
            taken[at] = 0.0 if opens and tokens[at] == marker else NEVER
        else:
            masked[at, marker] = FORBIDDEN
    for at, token in rule.banned:
        masked[at, token] = FORBIDDEN
    heats = torch.full((len(tokens), 1), rule.temperature, device=logits.device)
    floors = torch.full((len(tokens), 1), rule.min_p, device=logits.device)
    index = torch.tensor(list(tokens), device=logits.device)[:, None]
    found = word_logprobs(masked, heats, floors).gather(1, index)[:, 0]  # [tokens]
    for at, value in taken.items():
        found = torch.where(torch.arange(len(tokens), device=logits.device) == at, value, found)
    return torch.where(found.isinf(), NEVER, found)


def _opens(words: torch.Tensor, logit: float, marker: int, rule: DrawnWords) -> bool:
    """Whether the model takes a token of the marker that opens a call, rather than words.

    Args:
        words: ``[outputs]``: logits, minus infinity at what is no word.
        logit: of the marker's token.
        marker: the token.
        rule: how the reply was drawn.
    """
    allowed = words.clone()  # [outputs]
    allowed[marker] = logit
    if marker in rule.forbidden and float(allowed.softmax(-1)[marker]) < rule.call_above:
        return False
    return int(allowed.argmax()) == marker

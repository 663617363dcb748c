"""Cleans examples before they are trained on, and counts what was dropped and why.

Texts are brought into one form, and what is secret or personal is masked, with the same rules as what the ledger keeps.
An answer that had to be masked is dropped: a model would learn to write "[email]". Examples that say nearly the same
are found by MinHash (Broder 1997, On the resemblance and containment of documents,
https://doi.org/10.1109/SEQUEN.1997.666900) with locality-sensitive hashing.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from datasketch import MinHash, MinHashLSH  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

from llmagent_os.chat import Message
from llmagent_os.privacy.masking import MASKS, redact, redact_all
from llmagent_os.serving.tool_call_parsing import calls_of
from llmagent_os.training.training_example import TrainingExample

#: The longest example, in characters of all its turns.
MOST_CHARACTERS = 20_000

#: The share of common shingles from which on two texts are nearly the same.
NEAR_DUPLICATE_SIMILARITY = 0.9

_SHINGLE_CHARACTERS = 5  # length of the pieces that texts are compared by
_PERMUTATIONS = 128  # hashes of a text; the similarity is estimated with a standard error of at most 0.044
_SEED = 1


class CleanExamples(msgspec.Struct, frozen=True, kw_only=True):
    """The examples that are left, and what became of the others."""

    examples: tuple[TrainingExample, ...]  #: in the order in which they were given
    dropped: dict[str, int]  #: how many examples were dropped, by reason in words
    masked: int  #: of those that are left, how many had something masked before their answer

    @property
    def summary(self) -> str:
        """One line for a log or a report.

        >>> CleanExamples(examples=(), dropped={"empty answer": 2}, masked=0).summary
        '0 examples are left; dropped: 2 empty answer'
        """
        parts = [f"{len(self.examples)} examples are left"]
        if self.masked:
            parts.append(f"{self.masked} of them masked")
        if self.dropped:
            parts.append("dropped: " + ", ".join(f"{count} {why}" for why, count in sorted(self.dropped.items())))
        return "; ".join(parts)


def clean_examples(
    examples: Sequence[TrainingExample],
    *,
    longest: int = MOST_CHARACTERS,
    similarity: float = NEAR_DUPLICATE_SIMILARITY,
) -> CleanExamples:
    """Clean examples. The first one of those that say the same is kept.

    Two people who say the same are two opinions, and so are a like and a dislike: only examples of one person and one
    direction are compared.

    Args:
        examples: what was read.
        longest: the longest example, in characters of all its turns.
        similarity: the share of common shingles, in (0, 1], from which on two examples with the same tool calls are
            nearly the same.
    """
    dropped, left, masked = Counter[str](), list[TrainingExample](), 0
    seen, alike = set[bytes](), _NearDuplicates(similarity)
    for example in examples:
        # What was served stays as it was served: its tokens spell it.
        clean, prompt_masked = _masked(example if example.logged else _normalised(example))
        why = _fault(clean, longest) or _repetition(clean, seen, alike)
        if why:
            dropped[why] += 1
            continue
        masked += prompt_masked
        left.append(clean)
    return CleanExamples(examples=tuple(left), dropped=dict(dropped), masked=masked)


# ── one example ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _normalised(example: TrainingExample) -> TrainingExample:
    return msgspec.structs.replace(
        example,
        messages=tuple(map(_normal_turn, example.messages)),
        rejected=None if example.rejected is None else _normal_turn(example.rejected),
    )


def _normal_turn(turn: Message) -> Message:
    """A turn in Unicode's composed form, with plain line ends, without control characters or space around it."""
    text = unicodedata.normalize("NFC", str(turn.get("content") or "")).replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(char for char in text if char in "\n\t" or unicodedata.category(char) != "Cc")
    return {**turn, "content": text.strip()}


def _masked(example: TrainingExample) -> tuple[TrainingExample, bool]:
    """The example with everything secret or personal masked, and whether anything before the answer was.

    What was masked has no tokens any more: they would spell it out.
    """
    messages = tuple(map(_masked_turn, example.messages))
    rejected = None if example.rejected is None else _masked_turn(example.rejected)
    same = messages == example.messages and rejected == example.rejected
    masked = msgspec.structs.replace(
        example, messages=messages, rejected=rejected, logged=example.logged if same else None
    )
    return masked, messages[:-1] != example.messages[:-1]


def _masked_turn(turn: Message) -> Message:
    masked: Message = {**turn, "content": redact(str(turn.get("content") or ""))}
    given = [call.arguments for call in calls_of(turn)]
    kept = redact_all(given)
    if kept != given:
        masked["tool_calls"] = [
            {"function": {"name": call.name, "arguments": arguments}}
            for call, arguments in zip(calls_of(turn), kept, strict=True)
        ]
    return masked


def _fault(example: TrainingExample, longest: int) -> str:
    """Why an example cannot be learned from; empty: it can."""
    answers = [example.messages[-1], *([] if example.rejected is None else [example.rejected])]
    if not all(str(answer["content"]).strip() or answer.get("tool_calls") for answer in answers):
        return "empty answer"
    if any(mask in str(answer) for answer in answers for mask in MASKS):
        return "secret or personal data in the answer"
    if sum(len(str(turn["content"])) + len(_calls(turn)) for turn in example.messages) > longest:
        return "too long"
    return ""


def _calls(turn: Message) -> bytes:
    return msgspec.json.encode(calls_of(turn), order="deterministic") if turn.get("tool_calls") else b""


# ── repetitions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _repetition(example: TrainingExample, seen: set[bytes], alike: _NearDuplicates) -> str:
    """Whether an example says what an earlier one said, in words; empty: it does not, and later ones may repeat it."""
    group = str((example.person, example.reward > 0, _calls(example.messages[-1])))
    whole = msgspec.json.encode([group, example.messages, example.rejected], order="deterministic")
    if whole in seen:
        return "said before"
    asked = next((str(turn["content"]) for turn in reversed(example.messages) if turn["role"] == "user"), "")
    if alike.found(group, f"{asked}\n{example.messages[-1]['content']}", example.origin):
        return "nearly the same as another"
    seen.add(whole)
    return ""


class _NearDuplicates:
    """The texts so far, in groups. Examples of one origin are meant to be alike: they are never compared."""

    def __init__(self, similarity: float) -> None:
        self._similarity = similarity
        self._empty: Any = MinHash(num_perm=_PERMUTATIONS, seed=_SEED)
        self._groups: dict[str, Any] = {}
        self._kept: list[tuple[Any, str]] = []  # hash and origin; an index holds places in this list

    def found(self, group: str, text: str, origin: str) -> bool:
        """Whether the group has a text of another origin that is nearly ``text``. If not, it has this one, too."""
        if group not in self._groups:
            self._groups[group] = MinHashLSH(num_perm=_PERMUTATIONS, params=_bands(self._similarity))
        index, hashed = self._groups[group], self._empty.copy()
        hashed.update_batch(_shingles(text))
        places: list[int] = index.query(hashed)
        others = [self._kept[place] for place in places]
        if any(other != origin and hashed.jaccard(kept) >= self._similarity for kept, other in others):
            return True
        index.insert(len(self._kept), hashed)
        self._kept.append((hashed, origin))
        return False


@cache
def _bands(similarity: float) -> tuple[int, int]:
    """How many bands of how many hashes find texts of this similarity. It takes a fifth of a second to compute."""
    best: Any = MinHashLSH(threshold=similarity, num_perm=_PERMUTATIONS)
    return best.b, best.r


def _shingles(text: str) -> set[bytes]:
    """The pieces of a text, whatever its case and spaces."""
    plain = " ".join(text.casefold().split())
    last = max(1, len(plain) - _SHINGLE_CHARACTERS + 1)
    return {plain[at : at + _SHINGLE_CHARACTERS].encode() for at in range(last)}

"""A tokenizer's tokens as bytes, for constrained decoding and streaming."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from llmagent_os.serving.chat_markup import inert
from llmagent_os.serving.tool_call_parsing import OPEN

_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


def _byte_characters() -> dict[str, int]:
    """The character that byte-level BPE writes for each byte (GPT-2's table). Printable bytes stand for themselves."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + at): byte for at, byte in enumerate(others)}


class Vocabulary:
    """The tokens of one Hugging Face fast tokenizer.

    Args:
        tokenizer: a ``PreTrainedTokenizerFast``: byte-level BPE, or like SentencePiece with byte fallback.
        end_ids: the tokens that end a reply.
        size: rows of the model's output layer. There may be more rows than tokens.
    """

    def __init__(self, tokenizer: Any, end_ids: frozenset[int], size: int) -> None:
        self._encode = tokenizer.backend_tokenizer.encode
        self._encode_batch = tokenizer.backend_tokenizer.encode_batch
        self.end_ids = end_ids
        usual = tokenizer.eos_token_id
        #: the end token that usually closes a reply; -1: the model has no end token
        self.end_id: int = usual if usual in end_ids else min(end_ids, default=-1)
        self.size = size
        added: dict[int, Any] = tokenizer.added_tokens_decoder
        #: added tokens that are markup, not words, with their text. A reply never contains markup, and what people
        #: write never becomes markup.
        self.markup = {id_: str(t.content) for id_, t in added.items() if t.special or _is_markup(str(t.content))}
        #: the bytes of each token, by id; empty for markup and for rows without a token
        self.token_bytes: list[bytes] = [b""] * size
        byte_level = '"ByteLevel"' in tokenizer.backend_tokenizer.to_str()[-20000:] or "Ġ" in tokenizer.get_vocab()
        table = _byte_characters()
        for token, id_ in tokenizer.get_vocab().items():
            if id_ >= size or id_ in self.markup:
                continue
            if id_ in added:
                self.token_bytes[id_] = token.encode()
            elif byte_level:
                self.token_bytes[id_] = bytes(table[character] for character in token)
            elif byte := _BYTE_TOKEN.fullmatch(token):
                self.token_bytes[id_] = bytes([int(byte[1], 16)])
            else:
                self.token_bytes[id_] = token.replace("▁", " ").encode()
        #: the marker that opens a tool call: one token, or several if the model was not made for tools
        self.call_ids = tuple(self.encode(OPEN))

    @property
    def call_markup_id(self) -> int | None:
        """The markup token that opens a call; ``None``: the marker is spelled with plain tokens."""
        return self.call_ids[0] if self.call_ids[0] in self.markup else None

    def encode(self, text: str) -> list[int]:
        """Give the tokens of ``text``. Markup in the text becomes markup tokens."""
        return list(self._encode(text, add_special_tokens=False).ids)

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """Give the tokens of every text, as :meth:`encode` does."""
        return [list(one.ids) for one in self._encode_batch(list(texts), add_special_tokens=False)]

    def text_of(self, ids: Iterable[int]) -> str:
        """Give the text that tokens spell, markup included."""
        raw = b"".join(self.markup[id_].encode() if id_ in self.markup else self.token_bytes[id_] for id_ in ids)
        return raw.decode(errors="replace")

    @cached_property
    def text_ids(self) -> list[int]:
        """The tokens that plain text may consist of: all but markup, and the tokens that end the reply."""
        return [id_ for id_ in range(self.size) if self.token_bytes[id_] or id_ in self.end_ids]

    @cached_property
    def by_bytes(self) -> dict[bytes, int]:
        """The token that spells a string of bytes."""
        return {raw: id_ for id_, raw in reversed(list(enumerate(self.token_bytes))) if raw}

    @cached_property
    def longest(self) -> int:
        """How many bytes the longest token has."""
        return max(map(len, self.token_bytes))

    @cached_property
    def _markup_in_text(self) -> re.Pattern[str]:
        longest_first = sorted({content for content in self.markup.values() if content}, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def without_markup(self, value: Any) -> Any:
        """Break the model's markup, and that of others, by a space, so that no person can write a system turn.

        In all strings of ``value``, also inside lists and dicts; see :func:`~llmagent_os.serving.chat_markup.inert`.
        ``<|im_end|>`` becomes ``< |im_end|>``.
        """
        return inert(value, self._markup_in_text)


def _is_markup(content: str) -> bool:
    return len(content) > 2 and content[0] == "<" and content[-1] == ">"

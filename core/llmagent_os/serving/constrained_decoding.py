"""Constrained decoding: which tokens may come next in a reply.

A reply is plain text, or one tool call. A reply that begins with ``<tool_call>`` is held to the call grammar
(:mod:`.call_grammar`). Any other reply is plain text and can never turn into a call.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from llmagent_os.chat import ToolCall
from llmagent_os.serving.call_grammar import CallGrammar, Node
from llmagent_os.serving.copied_spans import span_sources
from llmagent_os.serving.tool_call_parsing import CLOSE


class Constraint:
    """The state of one reply. It takes every token that is written, and knows which tokens may come next.

    Args:
        grammar: the calls that the reply may be; a grammar without tools allows only plain text.
        said: the user's messages that arguments may be copied from, the latest first. Read when a call begins.
    """

    def __init__(self, grammar: CallGrammar, said: Iterable[str] = ()) -> None:
        self.grammar = grammar
        self.call: ToolCall | None = None  #: the call, once it is complete
        self._said = said
        self._marker = grammar.vocabulary.call_ids
        self._matched = 0  # tokens of the marker that are written; -1: this reply is plain text
        self._tail: tuple[int, ...] = ()  # the last tokens, as many as the marker has
        self._node: Node | None = None
        self._written: list[int] = []
        self.begun = 0  #: how many of the first tokens are the beginning of the marker
        self._complete = False

    @property
    def in_call(self) -> bool:
        """Whether the reply is a call, not text."""
        return self._node is not None or self._complete

    @property
    def complete(self) -> bool:
        """Whether the call is written to its end; only the end token may follow."""
        return self._complete

    def allowed(self) -> Sequence[int] | None:
        """Give the tokens that may come next in a call; ``None``: any token of plain text except :attr:`banned`."""
        return self._node.allowed() if self._node else None

    @property
    def may_open(self) -> int | None:
        """The markup token that opens a call, if it may come next: only as the first token, and only with tools."""
        at_begin = self._matched == 0 and bool(self.grammar.tools)
        return self.grammar.vocabulary.call_markup_id if at_begin else None

    @property
    def opening(self) -> int | None:
        """The next token of the marker that opens a call, if a call can still be opened."""
        can = self._node is None and self._matched >= 0 and self.grammar.tools
        return self._marker[self._matched] if can else None

    @property
    def banned(self) -> int | None:
        """The token of plain text that would complete the marker of a call where no call may begin."""
        size = len(self._marker) - 1
        if size == 0 or (self._matched >= 0 and self.grammar.tools):
            return None
        return self._marker[-1] if self._tail[-size:] == self._marker[:-1] else None

    def advance(self, token: int) -> None:
        """Take ``token``, which was written next."""
        if self._node is not None:
            self._written.append(token)
            self._node = self._node.advance(token)
            if self._node is None:
                self._finish()
            return
        self._tail = (*self._tail, token)[-len(self._marker) :]
        if self._matched >= 0 and token == self._marker[self._matched] and self.grammar.tools:
            self._matched += 1
            self.begun = self._matched
            if self._matched == len(self._marker):
                self._node = self._begin()
        else:
            self._matched = -1

    def _begin(self) -> Node:
        sources = [source for text in self._said for source in span_sources(text, self.grammar.vocabulary)]
        return self.grammar.start(sources)

    def _finish(self) -> None:
        vocabulary = self.grammar.vocabulary
        written = b"".join(
            vocabulary.token_bytes[token] for token in self._written if token not in vocabulary.markup
        ).decode(errors="replace")
        value = json.loads(written.strip().removesuffix(CLOSE))
        self.call = ToolCall(value["name"], value["arguments"])
        self._complete = True

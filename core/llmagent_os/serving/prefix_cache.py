"""Keeps the keys and values of prompt beginnings, so that they are not computed again: a radix tree for each LoRA.

Prompts share the system message and the tools; the turns of a conversation share all that was said before. A node of
the tree holds the tokens that follow its parent's, with their keys and values. What two prompts share is held once.

Zheng et al. 2024, SGLang: Efficient Execution of Structured Language Model Programs, https://arxiv.org/abs/2312.07104.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from llmagent_os.serving.slot_cache import Snapshot, slice_snapshot

#: What was not used for so long is dropped: people's words should not stay in memory for no use.
KEEP_SECONDS = 900.0


class _Node:
    """Tokens that follow those of the parent."""

    def __init__(self, tokens: tuple[int, ...], kept: Snapshot, parent: _Node | None, at: float) -> None:
        self.tokens = tokens
        self.kept = kept  # the keys and values of these tokens
        self.parent = parent
        self.children: dict[int, _Node] = {}  # by their first token
        self.used_at = at
        self.pinned = False

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for pair in self.kept for tensor in pair)

    def shared(self, tokens: Sequence[int]) -> int:
        """How many tokens this node and ``tokens`` have in common from the beginning."""
        most = min(len(self.tokens), len(tokens))
        return next((at for at in range(most) if self.tokens[at] != tokens[at]), most)


class PrefixCache:
    """Prompt beginnings by LoRA version, bounded in bytes. Safe to use from several threads.

    Args:
        capacity: most bytes of keys and values to keep. What was not used for longest is dropped first; what is
            pinned stays.
        clock: gives the time, in seconds.
    """

    def __init__(self, capacity: int = 256 << 20, clock: Callable[[], float] = time.monotonic) -> None:
        self.capacity = capacity
        self.nbytes = 0  #: bytes of all keys and values that are kept
        self._clock = clock
        self._roots: dict[str, _Node] = {}
        self._lock = threading.Lock()

    def get(self, version: str, tokens: Sequence[int]) -> list[Snapshot]:
        """Give the keys and values of the longest kept beginning of ``tokens``, in pieces that follow each other."""
        with self._lock:
            return [piece for _, piece in self._path(version, tokens)]

    def put(
        self, version: str, tokens: Sequence[int], read: Callable[[int, int], Snapshot], *, pinned: bool = False
    ) -> None:
        """Keep the keys and values of ``tokens``.

        Args:
            version: the LoRA's. Another LoRA computes other keys and values for the same tokens.
            tokens: from the first token of a prompt.
            read: gives the keys and values from one place up to another. Only asked for what is not kept yet.
            pinned: whether they stay until the cache is dropped.
        """
        with self._lock:
            now = self._clock()
            self._drop_unused(now)
            node = self._roots.setdefault(version, _Node((), [], None, now))
            begin = 0
            while child := node.children.get(tokens[begin]) if begin < len(tokens) else None:
                common = child.shared(tokens[begin:])
                node = child if common == len(child.tokens) else _split(child, common)
                node.used_at = now
                begin += common
            if begin < len(tokens):
                new = _Node(tuple(tokens[begin:]), read(begin, len(tokens)), node, now)
                if new.nbytes <= self.capacity:
                    node.children[tokens[begin]] = new
                    self.nbytes += new.nbytes
                    node = new
            if pinned:
                _pin(node)
            self._make_room()

    def drop_unused(self) -> None:
        """Drop what was not used for :data:`KEEP_SECONDS`."""
        with self._lock:
            self._drop_unused(self._clock())

    def forget(self) -> None:
        """Drop all that is not pinned: what people said.

        Nothing tells whose words a beginning holds, and others have them in their prompts too, as in a channel.
        """
        with self._lock:
            for _, node in list(self._nodes()):
                if not node.pinned:
                    self._drop(node)

    def _path(self, version: str, tokens: Sequence[int]) -> Iterator[tuple[_Node, Snapshot]]:
        """The nodes along ``tokens``, each with as much of it as belongs to them."""
        node, begin, now = self._roots.get(version), 0, self._clock()
        while node and begin < len(tokens) and (child := node.children.get(tokens[begin])):
            common = child.shared(tokens[begin : begin + len(child.tokens)])
            child.used_at = now
            yield child, child.kept if common == len(child.tokens) else slice_snapshot(child.kept, 0, common)
            if common < len(child.tokens):
                return
            node, begin = child, begin + common

    def _nodes(self) -> Iterator[tuple[str, _Node]]:
        for version, root in self._roots.items():
            waiting = [root]
            while waiting:
                node = waiting.pop()
                waiting += node.children.values()
                if node.parent:
                    yield version, node

    def _drop_unused(self, now: float) -> None:
        """Drop what was not used for :data:`KEEP_SECONDS`: a node is used at least as late as what follows it."""
        for _, node in list(self._nodes()):
            if not node.pinned and now - node.used_at > KEEP_SECONDS:
                self._drop(node)

    def _make_room(self) -> None:
        while self.nbytes > self.capacity:
            ends = [node for _, node in self._nodes() if not node.children and not node.pinned]
            if not ends:
                return
            self._drop(min(ends, key=lambda node: node.used_at))

    def _drop(self, node: _Node) -> None:
        """Take a node out, with all that follows it."""
        if node.parent and node.parent.children.get(node.tokens[0]) is node:
            del node.parent.children[node.tokens[0]]
            waiting = [node]
            while waiting:
                each = waiting.pop()
                waiting += each.children.values()
                self.nbytes -= each.nbytes
        self._roots = {version: root for version, root in self._roots.items() if root.children}

    def __len__(self) -> int:
        with self._lock:
            return sum(1 for _ in self._nodes())


def _pin(node: _Node | None) -> None:
    while node:
        node.pinned = True
        node = node.parent


def _split(node: _Node, at: int) -> _Node:
    """Cut a node in two; gives the first part. The parts hold copies: either can be dropped without the other."""
    first = _Node(node.tokens[:at], _copy(slice_snapshot(node.kept, 0, at)), node.parent, node.used_at)
    first.pinned = node.pinned
    if node.parent:
        node.parent.children[node.tokens[0]] = first
    node.kept = _copy(slice_snapshot(node.kept, at, len(node.tokens)))
    node.tokens, node.parent = node.tokens[at:], first
    first.children[node.tokens[0]] = node
    return first


def _copy(kept: Snapshot) -> Snapshot:
    return [(keys.clone(), values.clone()) for keys, values in kept]

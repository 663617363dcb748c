"""Keeps the keys and values of prompt beginnings, so that they are not computed again: a radix tree for each LoRA.

Prompts share the system message and the tools; the turns of a conversation share all that was said before. A node of
the tree holds the tokens that follow its parent's, with their keys and values. What two prompts share is held once.

What is kept of a person's words makes that person's next prompt quicker, and nobody else's: whoever can measure how
long a prompt takes could guess another's words else. So what people share ends where their words begin, and each salt
has trees of its own from there on (:meth:`PrefixCache.get_of`).

Zheng et al. 2024, SGLang: Efficient Execution of Structured Language Model Programs, https://arxiv.org/abs/2312.07104.
"""

from __future__ import annotations

import hashlib
import threading
import time
from array import array
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
    """Prompt beginnings by LoRA version, and below by salt, bounded in bytes. Safe to use from several threads.

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

    def get_of(self, version: str, tokens: Sequence[int], public: int, salt: str) -> list[Snapshot]:
        """As :meth:`get`, for a prompt of which only the first ``public`` tokens are shared with other salts."""
        pieces = self.get(version, tokens[:public])
        if not salt or sum(piece[0][0].shape[1] for piece in pieces) < min(public, len(tokens)):
            return pieces
        return pieces + self.get(_below(version, tokens[:public], salt), tokens[public:])

    def put_of(
        self, version: str, tokens: Sequence[int], read: Callable[[int, int], Snapshot], public: int, salt: str
    ) -> None:
        """As :meth:`put`, for a prompt of which only the first ``public`` tokens are shared with other salts.

        Without a salt, no more than these are kept.
        """
        self.put(version, tokens[:public], read)
        if salt and len(tokens) > public:
            own = _below(version, tokens[:public], salt)
            self.put(own, tokens[public:], lambda begin, end: read(public + begin, public + end))

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
        if self.capacity <= 0:
            return
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
            self._drop_empty()

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
        self._drop_empty()

    def _drop_empty(self) -> None:
        for version in [version for version, root in self._roots.items() if not root.children]:
            del self._roots[version]

    def __len__(self) -> int:
        with self._lock:
            return sum(1 for _ in self._nodes())


def _below(version: str, beginning: Sequence[int], salt: str) -> str:
    """The name of the tree with what one salt's prompts go on with after ``beginning``."""
    return f"{version}\0{salt}\0{hashlib.sha256(array('q', beginning).tobytes()).hexdigest()}"


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

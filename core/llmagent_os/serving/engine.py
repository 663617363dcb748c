"""The in-process engine: one thread that decodes many replies in one batch (continuous batching).

Requests join and leave at any step. A step first reads what is new in each slot: a prompt, or the fixed parts of a tool
call, which are known without asking the model. Then the step decodes one token in all slots at once.

Yu et al. 2022, Orca: A Distributed Serving System for Transformer-Based Generative Models (OSDI).
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from typing import Any

import torch

from llmagent_os.errors import ModelBusyError, ModelError, ModelUnavailableError, PromptTooLongError
from llmagent_os.serving.generation import Generation
from llmagent_os.serving.prefix_cache import PrefixCache
from llmagent_os.serving.sampling import TokenSampler
from llmagent_os.serving.slots import SlotModel
from llmagent_os.serving.vocabulary import Vocabulary

_log = logging.getLogger(__name__)
_PREFILL_TOKENS = 512  # prompt tokens read in one step, so that a long prompt does not hold up replies being written


class Engine:
    """Runs one model for all requests.

    Args:
        model: a transformers model that only this engine uses.
        vocabulary: the tokens of the model's tokenizer.
        slots: replies decoded in one batch.
        max_waiting: requests that may wait for a slot.
        threads: processor threads for computing. By default all but one, which is left to the event loop.
    """

    def __init__(
        self, model: Any, vocabulary: Vocabulary, *, slots: int = 16, max_waiting: int = 256, threads: int | None = None
    ) -> None:
        self._model = SlotModel(model, slots)
        self.max_length = self._model.max_length  #: tokens of prompt and reply together that the model can read
        self.slots = slots
        self.max_waiting = max_waiting
        self._threads = threads or max(1, (os.cpu_count() or 2) - 1)
        self._prefixes = PrefixCache()
        self._sampler = TokenSampler(vocabulary, self._model.outputs)
        self._active: list[Generation] = []  # by slot: the first slots are the ones in use
        self._waiting: deque[Generation] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def submit(self, generation: Generation) -> None:
        """Take a request. May be called from any thread.

        Raises:
            PromptTooLongError: the prompt is longer than the model can read.
            ModelBusyError: too many requests wait already.
            ModelUnavailableError: the engine is closed.
        """
        if len(generation.prompt) >= self.max_length:
            raise PromptTooLongError(
                f"the prompt is {len(generation.prompt)} tokens, the model reads fewer than {self.max_length}: "
                "send fewer or shorter messages"
            )
        generation.max_tokens = min(generation.max_tokens, self.max_length - len(generation.prompt))
        with self._wake:
            if self._closing:
                raise ModelUnavailableError("the model was closed")
            if len(self._waiting) >= self.max_waiting:
                raise ModelBusyError(
                    f"the model is busy: {len(self._waiting)} requests wait already (max_waiting={self.max_waiting})"
                )
            self._waiting.append(generation)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="llmagent-os-engine", daemon=True)
                self._thread.start()
            self._wake.notify()

    @property
    def load(self) -> tuple[int, int]:
        """How many replies are being written, and how many requests wait."""
        return len(self._active), len(self._waiting)

    @property
    def alive(self) -> bool:
        """Whether requests can be answered: the engine is not closed, and its thread, if it has begun, still works."""
        return not self._closing and (self._thread is None or self._thread.is_alive())

    def close(self) -> None:
        """Stop after the current step. Requests that are not answered end with a ModelUnavailableError."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        torch.set_num_threads(self._threads)
        with torch.inference_mode():
            while self._admit():
                try:
                    self._step()
                except BaseException as error:  # a panic of a Rust extension is no Exception
                    # Whatever went wrong, the engine must go on for the next request.
                    _log.exception("a decoding step failed; %d replies are lost", len(self._active))
                    failed, self._active = self._active, []
                    for generation in failed:
                        generation.on_done(ModelError(f"the model failed while it wrote the reply: {error}"))

    def _admit(self) -> bool:
        """Wait for work, and give waiting requests the free slots; gives ``False`` once the engine is closed."""
        with self._wake:
            while not (self._active or self._waiting or self._closing):
                self._wake.wait()
            if self._closing:
                lost, self._active = [*self._active, *self._waiting], []
                self._waiting.clear()
            else:
                lost = []
            new = [self._waiting.popleft() for _ in range(min(len(self._waiting), self.slots - len(self._active)))]
            closing = self._closing
        for generation in lost:
            generation.on_done(ModelUnavailableError("the model was closed before the reply was finished"))
        for generation in new:
            if generation.cancelled:
                generation.on_done(None)
                continue
            try:
                self._model.occupy(len(self._active), generation.lora)
            except BaseException as error:
                known = isinstance(error, ModelError)
                generation.on_done(error if known else ModelError(f"no slot for the request: {error}"))
            else:
                self._active.append(generation)
        return not closing

    def _step(self) -> None:
        """Free cancelled slots, read at most ``_PREFILL_TOKENS`` new tokens, and decode one token in every slot."""
        for slot in reversed(range(len(self._active))):
            if self._active[slot].cancelled:
                self._leave(slot)
        budget = _PREFILL_TOKENS
        ready: list[tuple[int, torch.Tensor]] = []  # slots that are read to their end, with their logits [outputs]
        for slot, generation in enumerate(self._active):
            if generation.length - generation.cached > 1 and budget > 0:
                before = generation.cached
                logits = self._read(slot, generation, budget)
                budget -= generation.cached - before
                if generation.cached == generation.length:
                    ready.append((slot, logits))
        done = self._sample(ready) if ready else []
        if any(
            generation.length - generation.cached == 1
            for slot, generation in enumerate(self._active)
            if slot not in done
        ):
            done += self._decode(done)
        for slot in sorted(done, reverse=True):
            self._leave(slot)

    def _read(self, slot: int, generation: Generation, limit: int) -> torch.Tensor:
        """Give the model at most ``limit`` new tokens of one slot; gives the logits after them, ``[outputs]``."""
        if generation.cached == 0:
            self._restore(slot, generation)
        for length in generation.shared:
            if length > generation.cached:
                limit = min(limit, length - generation.cached)  # stop here once, to keep the prefix for other prompts
        tokens = generation.pending(limit)
        logits = self._model.extend(slot, tokens, generation.cached)
        generation.cached += len(tokens)
        if generation.cached in generation.shared:
            prefix = tuple(generation.prompt[: generation.cached])
            snapshot = self._model.snapshot(slot, generation.cached)
            self._prefixes.put((generation.lora_version, prefix), snapshot)
        return logits

    def _restore(self, slot: int, generation: Generation) -> None:
        """Begin a slot with the longest shared prefix that is kept from an earlier prompt."""
        for length in reversed(generation.shared):
            prefix = tuple(generation.prompt[:length])
            if snapshot := self._prefixes.get((generation.lora_version, prefix)):
                self._model.restore(slot, snapshot)
                generation.cached = length
                return

    def _decode(self, done: list[int]) -> list[int]:
        """Decode one token in every slot that has one token to read; gives the slots that are finished."""
        single = [
            generation.length - generation.cached == 1 and slot not in done
            for slot, generation in enumerate(self._active)
        ]
        # The other slots take part with any token. Its place in the cache is written again before it is ever read.
        tokens = [generation.pending(1)[0] if one else 0 for generation, one in zip(self._active, single, strict=True)]
        places = [min(generation.cached, self.max_length - 1) for generation in self._active]
        logits = self._model.decode(tokens, places)  # [slots in use, outputs]
        ready: list[tuple[int, torch.Tensor]] = []
        for slot, one in enumerate(single):
            if one:
                self._active[slot].cached += 1
                ready.append((slot, logits[slot]))
        return self._sample(ready)

    def _sample(self, ready: list[tuple[int, torch.Tensor]]) -> list[int]:
        """Draw the next token of each slot from its logits ``[outputs]``; gives the slots that are finished."""
        generations = [self._active[slot] for slot, _ in ready]
        logits = torch.stack([row for _, row in ready]).cpu()  # [ready slots, outputs]
        tokens, logprobs = self._sampler.sample(logits, generations)
        return [
            slot
            for (slot, _), generation, token, logprob in zip(ready, generations, tokens, logprobs, strict=True)
            if generation.write(token, logprob)
        ]

    def _leave(self, slot: int) -> None:
        """Free a slot whose reply is finished or cancelled. The last slot in use moves to its place."""
        generation = self._active[slot]
        last = self._active.pop()
        if last is not generation:
            self._model.move(len(self._active), slot, last.cached)
            self._active[slot] = last
        generation.on_done(None)

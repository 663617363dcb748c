"""The in-process engine: one thread that decodes many replies in one batch (continuous batching).

Requests join and leave at any step. A step first reads what is new in each slot: a prompt, or the fixed parts of a tool
call, which are known without asking the model. Then the step decodes one token in all slots at once.

Yu et al. 2022, Orca: A Distributed Serving System for Transformer-Based Generative Models (OSDI).
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from llmagent_os.errors import ModelBusyError, ModelError, ModelUnavailableError, PromptTooLongError
from llmagent_os.serving.generation import Generation
from llmagent_os.serving.prefix_cache import KEEP_SECONDS, PrefixCache
from llmagent_os.serving.sampling import TokenSampler
from llmagent_os.serving.slot_cache import Snapshot, slice_snapshot
from llmagent_os.serving.slots import SlotModel
from llmagent_os.serving.vocabulary import Vocabulary

_log = logging.getLogger(__name__)
TIDY_SECONDS = 60.0  #: how often it is looked for what was not used for long
_PREFILL_TOKENS = 512  # prompt tokens read in one step while no reply is being written
_GUESSED_TOKENS = 5  # most tokens guessed for a row in one step
_GUESSING_ROWS = 4  # rows up to which a guess is nearly free: the step's time is that of reading the weights


class Engine:
    """Runs one model for all requests.

    Args:
        model: a transformers model that only this engine uses.
        vocabulary: the tokens of the model's tokenizer.
        slots: replies decoded in one batch.
        max_waiting: requests that may wait for a slot.
        threads: processor threads for computing. By default all but one, which is left to the event loop.
        prefill_tokens: most prompt tokens that are read between two tokens of replies being written.
        prefix_bytes: most bytes of keys and values of prompt beginnings that are kept.
        guessing: whether tokens are guessed where a reply copies; log-probabilities change by rounding.
    """

    def __init__(
        self,
        model: Any,
        vocabulary: Vocabulary,
        *,
        slots: int = 16,
        max_waiting: int = 256,
        threads: int | None = None,
        prefill_tokens: int = 128,
        prefix_bytes: int = 256 << 20,
        guessing: bool = True,
    ) -> None:
        self._model = SlotModel(model, slots)
        self._device = model.get_input_embeddings().weight.device
        self._knows_shapes = False
        self.max_length = self._model.max_length  #: tokens of prompt and reply together that the model can read
        self.slots = slots
        self.max_waiting = max_waiting
        self.prefill_tokens = prefill_tokens
        self._threads = threads or max(1, (os.cpu_count() or 2) - 1)
        self.prefixes = PrefixCache(prefix_bytes)  #: beginnings of prompts that the model has read already
        self.most_read_between = 0  #: most prompt tokens that were read while a reply waited for its next token
        self.steps = 0  #: how often all slots were decoded
        self.tokens_read = 0  #: prompt tokens that were computed, not taken from an earlier prompt
        self._guessing = guessing
        self._sampler = TokenSampler(vocabulary, self._model.outputs)
        self._active: list[Generation] = []  # by slot: the first slots are the ones in use
        self._waiting: deque[Generation] = deque()
        self._submitted = 0
        self._forgetting: list[threading.Event] = []  # set when all is forgotten that was asked to be
        self._forgotten = 0  # how many requests had come when it was last asked for
        self._tidied_at = time.monotonic()
        self._wiped_at = self._tidied_at
        self._to_wipe = False  # whether free slots may hold words
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
            self._submitted += 1
            generation.number = self._submitted
            self._waiting.append(generation)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="llmagent-os-engine", daemon=True)
                self._thread.start()
            self._wake.notify()

    def adopt(self, version: str, tokens: Sequence[int], kept: Snapshot) -> None:
        """Take the keys and values that an earlier process computed of a beginning of prompts, and keep them.

        What has not the form of this model's is ignored. To be called before the first request.

        Args:
            version: of the LoRA.
            tokens: the beginning.
            kept: of its tokens, for each layer.
        """
        with torch.inference_mode():
            kept = [(keys.to(self._device), values.to(self._device)) for keys, values in kept]
            if not self._knows_shapes:
                self._model.extend(0, [0], 0)  # the shapes of all layers are known once they were computed
                self._knows_shapes = True
        if self._model.fits(kept):
            self.prefixes.put(version, tokens, lambda begin, end: slice_snapshot(kept, begin, end), pinned=True)

    def forget(self) -> None:
        """Drop the keys and values of all that people said, also in slots that are free, before this returns.

        Replies that are being written go on, and nothing of them is kept afterwards. What is pinned stays. Blocks for
        one step of the model, so it is not for an event loop.
        """
        forgotten = threading.Event()
        with self._wake:
            if working := not self._closing and self._thread is not None and self._thread.is_alive():
                self._forgetting.append(forgotten)
                self._wake.notify()
        if working:
            forgotten.wait()
        else:
            self.prefixes.forget()

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
        """Wait a while for work, and give waiting requests the free slots; gives ``False`` once it is closed."""
        with self._wake:
            if not (self._active or self._waiting or self._closing or self._forgetting):
                self._wake.wait(TIDY_SECONDS)
            forgetting, self._forgetting = self._forgetting, []
            if forgetting:
                self._forgotten = self._submitted
            if self._closing:
                lost, self._active = [*self._active, *self._waiting], []
                self._waiting.clear()
            else:
                lost = []
            new = [self._waiting.popleft() for _ in range(min(len(self._waiting), self.slots - len(self._active)))]
            closing = self._closing
        self._tidy()
        if forgetting:
            self._free_cancelled()
            self.prefixes.forget()
            self._model.wipe(len(self._active))
            for forgotten in forgetting:
                forgotten.set()
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
                self._to_wipe = True
        return not closing

    def _tidy(self) -> None:
        """Drop what was not used for long, be the engine at work or not: also what is left in slots that are free."""
        now = time.monotonic()
        if now - self._tidied_at < TIDY_SECONDS:
            return
        self._tidied_at = now
        self.prefixes.drop_unused()
        if self._to_wipe and now - self._wiped_at >= KEEP_SECONDS:
            self._wiped_at, self._to_wipe = now, bool(self._active)
            self._model.wipe(len(self._active))

    def _step(self) -> None:
        """Free cancelled slots, read some new tokens of prompts, and decode every slot that is read to its end."""
        self._free_cancelled()
        done = self._prefill()
        if any(each.to_read == 1 for slot, each in enumerate(self._active) if slot not in done):
            done += self._decode(done)
        for slot in sorted(done, reverse=True):
            self._leave(slot)

    def _free_cancelled(self) -> None:
        for slot in reversed(range(len(self._active))):
            if self._active[slot].cancelled:
                self._leave(slot)

    def _prefill(self) -> list[int]:
        """Read new tokens, the replies' own first and then those of prompts; gives the slots that are finished.

        The prompt with the fewest tokens left is read first: a short question does not wait for pages that came before.
        A prompt that others have passed by as many tokens as a step reads is read before them, the oldest first. So a
        page gets half of what is read at least, however many short prompts come.

        While any reply is being written, at most ``prefill_tokens`` are read. So that reply waits no longer for its
        next token, however long the prompts of others are.
        """
        writing = any(each.token_ids for each in self._active)
        budget = self.prefill_tokens if writing else _PREFILL_TOKENS
        left = budget
        ready: list[tuple[int, torch.Tensor]] = []  # slots that are read to their end, with their logits [outputs]
        order = sorted(enumerate(self._active), key=lambda each: _urgency(each[1], budget))
        for slot, generation in order:
            logits: torch.Tensor | None = None
            while generation.to_read > (0 if logits is not None else 1) and left > 0:
                logits, read = self._read(slot, generation, left)
                left -= read
            if logits is not None and generation.to_read == 0:
                ready.append((slot, logits))
        if writing:
            self.most_read_between = max(self.most_read_between, budget - left)
        return self._sample(ready) if ready else []

    def _read(self, slot: int, generation: Generation, limit: int) -> tuple[torch.Tensor, int]:
        """Give the model at most ``limit`` new tokens of one slot; gives the logits after them, and how many."""
        if generation.cached == 0:
            self._restore(slot, generation)
        for length in generation.shared:
            if length > generation.cached:
                limit = min(limit, length - generation.cached)  # stop here once, to keep the prefix for other prompts
        tokens = generation.pending(limit)
        logits = self._model.extend(slot, tokens, generation.cached)
        generation.cached += len(tokens)
        self.tokens_read += len(tokens)
        if not generation.token_ids:
            generation.passed = max(0, generation.passed - len(tokens))
            for other in self._active:
                if other.number < generation.number and not other.token_ids:
                    other.passed += len(tokens)
        if generation.cached in generation.shared:
            self._keep(slot, generation)
        return logits, len(tokens)

    def _restore(self, slot: int, generation: Generation) -> None:
        """Begin a slot with what is kept of an earlier prompt that began alike. The last token is always read.

        A prompt that comes again is read again, up to what it shares with others: a replay that is read in the same
        chunks gives the same log-probabilities to the last bit, and one in other chunks gives them up to rounding.
        """
        version, prompt, public = generation.lora_version, generation.prompt, generation.public
        pieces = self.prefixes.get_of(version, prompt[:-1], public, generation.salt)
        if sum(piece[0][0].shape[1] for piece in pieces) == len(prompt) - 1:
            pieces = self.prefixes.get(version, prompt[:public])
        for piece in pieces:
            self._model.restore(slot, generation.cached, piece)
            generation.cached += piece[0][0].shape[1]

    def _keep(self, slot: int, generation: Generation) -> None:
        """Keep what the model has read in a slot, for prompts that begin alike. Not what is to be forgotten.

        Beyond what holds nothing of a person, it is kept for prompts with the same salt.
        """
        if generation.number <= self._forgotten:
            return
        tokens = [*generation.prompt, *generation.token_ids][: generation.cached]
        read = partial(self._model.snapshot, slot)
        self.prefixes.put_of(generation.lora_version, tokens, read, generation.public, generation.salt)

    def _decode(self, done: list[int]) -> list[int]:
        """Decode every slot that has one token to read; gives the slots that are finished."""
        single = [each.to_read == 1 and slot not in done for slot, each in enumerate(self._active)]
        guesses = self._guesses(single)
        new = 1 + max(map(len, guesses), default=0)
        # The other slots take part with any token. Its place in the cache is written again before it is ever read.
        tokens = [
            [*generation.pending(1), *guess, *[0] * (new - 1 - len(guess))] if one else [0] * new
            for generation, guess, one in zip(self._active, guesses, single, strict=True)
        ]
        places = [min(generation.cached, self.max_length - new) for generation in self._active]
        logits = self._model.decode(tokens, places).cpu()  # [slots in use, new, outputs]
        self.steps += 1
        finished: list[int] = []
        begun = {slot: len(self._active[slot].token_ids) for slot, one in enumerate(single) if one}
        going = dict.fromkeys(begun, 0)  # slots whose next token is sampled, with the place of its logits
        while going:
            finished += self._sample([(slot, logits[slot, place]) for slot, place in going.items()])
            going = {
                slot: len(said)
                for slot in going
                if slot not in finished
                and len(said := self._active[slot].token_ids[begun[slot] :]) <= len(guesses[slot])
                and said == guesses[slot][: len(said)]
            }
        for slot, before in begun.items():
            generation, guess = self._active[slot], guesses[slot]
            pairs = zip(generation.token_ids[before:], guess, strict=False)
            right = next((at for at, (came, guessed) in enumerate(pairs) if came != guessed), None)
            right = min(len(generation.token_ids) - before, len(guess)) if right is None else right
            # The last token of a reply is never read, be it guessed or not.
            generation.cached = min(generation.cached + 1 + right, generation.length - (slot not in finished))
            if guess:
                generation.note_guess(len(guess), right)
        return finished

    def _guesses(self, single: list[bool]) -> list[list[int]]:
        """Guess what comes next in each slot; empty lists: nothing is guessed."""
        none: list[list[int]] = [[] for _ in single]
        if not self._guessing or len(single) > _GUESSING_ROWS:
            return none
        room = self.max_length - 1 - max(generation.cached for generation in self._active)
        most = min(_GUESSED_TOKENS, room - 1)
        return [each.guess(most) if one else [] for each, one in zip(self._active, single, strict=True)]

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
        if generation.finish != "cancelled":
            self._keep(slot, generation)  # the next turn of the conversation begins with this one
        last = self._active.pop()
        if last is not generation:
            self._model.move(len(self._active), slot, last.cached)
            self._active[slot] = last
        generation.on_done(None)


def _urgency(generation: Generation, budget: int) -> tuple[int, int, int]:
    """What a generation's new tokens are read by: the least is read first."""
    if generation.token_ids:
        return 0, 0, generation.number
    if generation.passed >= budget:
        return 1, 0, generation.number
    return 2, generation.to_read, generation.number

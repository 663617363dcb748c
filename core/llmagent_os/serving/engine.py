"""The in-process engine: one thread that writes many replies together, a token of each at a time.

Requests join and leave at any step. A step first reads what is new in each slot (a prompt, or the fixed parts of a tool
call, which are known without asking the model), then decodes one token in all of them at once.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from typing import Any, cast

import torch

from llmagent_os.errors import ModelError, ModelUnavailableError, PromptTooLongError
from llmagent_os.serving.generation import Generation
from llmagent_os.serving.prefix_cache import PrefixCache
from llmagent_os.serving.slots import SlotModel
from llmagent_os.serving.vocabulary import Vocabulary

_log = logging.getLogger(__name__)
_CHUNK = 512  #: tokens of new prompts read in one step, so that long prompts do not hold up the replies under way


class Engine:
    """Runs a model for everybody who asks.

    Args:
        model: a transformers model for the engine alone.
        vocabulary: its tokenizer's.
        slots: replies written together.
        max_waiting: requests that may wait for a slot.
        threads: processor threads to compute with; by default all but one, so that the event loop keeps its own.
    """

    def __init__(
        self, model: Any, vocabulary: Vocabulary, *, slots: int = 16, max_waiting: int = 256, threads: int | None = None
    ) -> None:
        self._model = SlotModel(model, slots)
        self.max_length = self._model.max_length
        self.slots = slots
        self.max_waiting = max_waiting
        self._threads = threads or max(1, (os.cpu_count() or 2) - 1)
        self._prefixes = PrefixCache()
        self._jobs: list[Generation] = []  # by slot
        self._waiting: deque[Generation] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._banned = torch.full((self._model.outputs,), float("-inf"))
        self._banned[torch.tensor(vocabulary.text_ids)] = 0.0

    def submit(self, job: Generation) -> None:
        """Take a request; from any thread.

        Raises:
            PromptTooLongError: the prompt is longer than the model can read.
            ModelUnavailableError: too many wait already, or the engine is closed.
        """
        if len(job.prompt) >= self.max_length:
            raise PromptTooLongError(
                f"the prompt is {len(job.prompt)} tokens, the model reads fewer than {self.max_length}: "
                "send fewer or shorter messages"
            )
        job.max_tokens = min(job.max_tokens, self.max_length - len(job.prompt))
        with self._wake:
            if self._closing:
                raise ModelUnavailableError("the model was closed")
            if len(self._waiting) >= self.max_waiting:
                raise ModelUnavailableError(
                    f"the model is busy: {len(self._waiting)} requests wait already (max_waiting={self.max_waiting})"
                )
            self._waiting.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="llmagent-os-engine", daemon=True)
                self._thread.start()
            self._wake.notify()

    @property
    def load(self) -> tuple[int, int]:
        """How many replies are being written, and how many wait."""
        return len(self._jobs), len(self._waiting)

    def close(self) -> None:
        """Stop after the step under way; whoever still waits gets a ModelUnavailableError."""
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
                except Exception as error:
                    # Whatever went wrong, the next request must find an engine that runs.
                    _log.exception("a decoding step failed; %d replies are lost", len(self._jobs))
                    failed, self._jobs = self._jobs, []
                    for job in failed:
                        job.on_done(ModelError(f"the model failed while it wrote the reply: {error}"))

    def _admit(self) -> bool:
        """Wait until there is something to do and let waiting requests in; ``False``: the engine is closed."""
        with self._wake:
            while not (self._jobs or self._waiting or self._closing):
                self._wake.wait()
            if self._closing:
                lost, self._jobs = [*self._jobs, *self._waiting], []
                self._waiting.clear()
            else:
                lost = []
            new = [self._waiting.popleft() for _ in range(min(len(self._waiting), self.slots - len(self._jobs)))]
            closing = self._closing
        for job in lost:
            job.on_done(ModelUnavailableError("the model was closed before the reply was finished"))
        for job in new:
            if job.cancelled:
                job.on_done(None)
                continue
            try:
                self._model.occupy(len(self._jobs), job.lora)
            except Exception as error:
                job.on_done(error if isinstance(error, ModelError) else ModelError(f"no slot for the request: {error}"))
            else:
                self._jobs.append(job)
        return not closing

    def _step(self) -> None:
        for slot in reversed(range(len(self._jobs))):
            if self._jobs[slot].cancelled:
                self._leave(slot)
        budget = _CHUNK
        ready: list[tuple[int, torch.Tensor]] = []
        for slot, job in enumerate(self._jobs):
            if job.length - job.cached > 1 and budget > 0:
                before = job.cached
                logits = self._read(slot, job, budget)
                budget -= job.cached - before
                if job.cached == job.length:
                    ready.append((slot, logits))
        done = self._sample(ready) if ready else []
        if any(job.length - job.cached == 1 for slot, job in enumerate(self._jobs) if slot not in done):
            done += self._decode(done)
        for slot in sorted(done, reverse=True):
            self._leave(slot)

    def _read(self, slot: int, job: Generation, limit: int) -> torch.Tensor:
        """Give the model the next tokens of one slot; the logits after them."""
        if job.cached == 0:
            self._restore(slot, job)
        for length in job.shared:
            if length > job.cached:
                limit = min(limit, length - job.cached)  # stop there once, to keep it for the next prompt
        tokens = job.pending(limit)
        logits = self._model.extend(slot, tokens, job.cached)
        job.cached += len(tokens)
        if job.cached in job.shared:
            self._prefixes.put((job.version, tuple(job.prompt[: job.cached])), self._model.snapshot(slot, job.cached))
        return logits

    def _restore(self, slot: int, job: Generation) -> None:
        """Begin with what an earlier prompt left, as much as there is."""
        for length in reversed(job.shared):
            if snapshot := self._prefixes.get((job.version, tuple(job.prompt[:length]))):
                self._model.restore(slot, snapshot)
                job.cached = length
                return

    def _decode(self, done: list[int]) -> list[int]:
        """One token in every slot that waits for the model; gives the slots that are finished."""
        single = [job.length - job.cached == 1 and slot not in done for slot, job in enumerate(self._jobs)]
        # A slot that is not ready takes part with a token at a place that is written again before anybody looks at it.
        tokens = [job.pending(1)[0] if one else 0 for job, one in zip(self._jobs, single, strict=True)]
        places = [min(job.cached, self.max_length - 1) for job in self._jobs]
        logits = self._model.decode(tokens, places)
        ready: list[tuple[int, torch.Tensor]] = []
        for slot, one in enumerate(single):
            if one:
                self._jobs[slot].cached += 1
                ready.append((slot, logits[slot]))
        return self._sample(ready)

    def _sample(self, ready: list[tuple[int, torch.Tensor]]) -> list[int]:
        """Draw the next token of each slot from its logits; gives the slots that are finished."""
        jobs = [self._jobs[slot] for slot, _ in ready]
        logits = torch.stack([row for _, row in ready]).cpu()
        free = logits + self._banned
        for row, job in enumerate(jobs):
            if (opens := job.constraint.may_open) is not None:
                free[row, opens] = logits[row, opens]
                if job.call_above and torch.softmax(free[row], dim=-1)[opens] < job.call_above:
                    free[row, opens] = float("-inf")
            if (banned := job.constraint.banned) is not None:
                free[row, banned] = float("-inf")
        allowed = [job.constraint.allowed() for job in jobs]
        for row, ids in enumerate(allowed):
            if ids is not None:
                free[row] = float("-inf")
                index = torch.tensor(ids)
                free[row, index] = logits[row, index]
        heat = torch.tensor([[job.temperature or 1.0] for job in jobs])
        logprobs = torch.log_softmax(free / heat, dim=-1)
        tokens = logprobs.argmax(dim=-1)
        if any(job.temperature for job in jobs):
            # By the inverse of the distribution function, with each request's own random numbers.
            sums = logprobs.double().exp().cumsum(dim=-1)
            draws = torch.tensor([[job.draw() if job.temperature else 0.0] for job in jobs], dtype=torch.double)
            drawn = torch.searchsorted(sums, draws * sums[:, -1:], right=True)[:, 0].clamp(max=sums.shape[1] - 1)
            tokens = torch.where(torch.tensor([job.temperature > 0 for job in jobs]), drawn, tokens)
        chosen: list[float] = cast("Any", logprobs.gather(1, tokens[:, None])[:, 0]).tolist()
        drawn_tokens: list[int] = cast("Any", tokens).tolist()
        done: list[int] = []
        for (slot, _), job, token, logprob in zip(ready, jobs, drawn_tokens, chosen, strict=True):
            if job.write(token, logprob):
                done.append(slot)
        return done

    def _leave(self, slot: int) -> None:
        """The slot's reply is finished or nobody wants it any more; the last slot takes its place."""
        job = self._jobs[slot]
        last = self._jobs.pop()
        if last is not job:
            self._model.move(len(self._jobs), slot, last.cached)
            self._jobs[slot] = last
        job.on_done(None)

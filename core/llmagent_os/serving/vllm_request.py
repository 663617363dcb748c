"""What a request to vLLM has beside OpenAI's fields.

API: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html. Other servers refuse fields that they do not
know, so nobody else is sent these.
"""

from __future__ import annotations

from typing import Any

from llmagent_os.chat import ChatRequest
from llmagent_os.serving.constraint_record import MASK_RULES_VERSION, ConstraintRecord

_LARGEST_SEED = 2**63 - 1


def amended(body: dict[str, Any], request: ChatRequest, *, learns: bool) -> dict[str, Any]:
    """``body`` with vLLM's own fields.

    Args:
        body: a request as every server takes it.
        request: what it was made from.
        learns: ask for the tokens and their log-probabilities. Drawn words are then drawn by the rule that trainings
            know, whatever the model's makers or the server's owner recommend: see :func:`drawing_rule`.
    """
    extra: dict[str, Any] = {}
    changed = dict(body)
    if "seed" in body:
        changed["seed"] = int(body["seed"]) & _LARGEST_SEED  # vLLM's seeds have a sign
    if request.cache_salt:
        extra["cache_salt"] = request.cache_salt
    if learns:
        changed["logprobs"] = True
        extra["return_token_ids"] = True
        if request.temperature > 0:
            changed |= {"top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
            extra |= {"top_k": -1, "repetition_penalty": 1.0, "min_p": served_floor(request)}
    return changed | ({"extra_body": extra} if extra else {})


def served_floor(request: ChatRequest) -> float:
    """The floor as vLLM applies it: after the temperature, where the engine applies it before.

    A token stays if ``exp(z - greatest z) >= min_p``, and so if ``exp((z - greatest z) / T) >= min_p ** (1 / T)``.
    """
    return request.min_p ** (1 / request.temperature) if request.min_p else 0.0


def needs_drawn_logprobs(temperature: float, min_p: float) -> bool:
    """Whether the model's own log-probabilities are other ones than those of what tokens are drawn from.

    >>> needs_drawn_logprobs(1.0, 0.0), needs_drawn_logprobs(0.0, 0.1), needs_drawn_logprobs(0.7, 0.0)
    (False, False, True)
    """
    return temperature > 0 and (temperature != 1.0 or min_p > 0)


def drawing_rule(request: ChatRequest) -> str:
    """The rule by which vLLM draws, as :mod:`~llmagent_os.serving.constraint_record` keeps it."""
    floor = (request.min_p or None) if request.temperature else None
    return ConstraintRecord(rules=MASK_RULES_VERSION, min_p=floor, unmasked=True).text

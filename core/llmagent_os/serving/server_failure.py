"""What went wrong on an OpenAI-compatible server: which error its answer stands for.

The kind of error decides what a person reads. A busy server is worth another try, a refusal is not, and wrong settings
are the owner's to mend.
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

from llmagent_os.errors import (
    ModelBusyError,
    ModelError,
    ModelNotFoundError,
    ModelRefusedError,
    ModelSetupError,
    ModelUnavailableError,
    PromptTooLongError,
)
from llmagent_os.serving.surrogate_pairs import joined

_MAX_REASON = 300  # characters of a server's own words

_TOO_LONG = re.compile(
    r"context[ _](?:length|size|window)|maximum context|prompt is too long|too many tokens|reduce the length"
    r"|exceeds? the (?:available )?context|input is too long|max_model_len",
    re.IGNORECASE,
)
_POLICY = re.compile(
    r"content[ _]?filter|content[ _](?:management )?policy|content_policy_violation|responsibleai|moderation|flagged",
    re.IGNORECASE,
)
_UNPAID = re.compile(r"insufficient[ _](?:quota|balance|credits?)|billing|exceeded your current quota", re.IGNORECASE)
_OVERLOADED = re.compile(r"overloaded|rate.?limit|too many requests|loading model|at capacity|try again", re.IGNORECASE)
_NO_PATH = re.compile(r"unexpected endpoint|unknown (?:url|path|endpoint)|invalid url", re.IGNORECASE)
_UNKNOWN = re.compile(r"does not exist|not found|cannot be found|not loaded|unknown", re.IGNORECASE)
_NAMES = re.compile(r"max_tokens|max_completion_tokens|temperature|seed|stream")
_COMPLAINT = re.compile(
    r"unsupported|not supported|not support|unrecognized|unknown|unexpected|extra|forbidden|not permitted|not allowed"
    r"|invalid|deprecated|must be|only the default",
    re.IGNORECASE,
)


_RANGE = re.compile(
    r"must be (?:in|between|within|less|greater|lower|at (?:most|least)|no (?:more|less)|non.?negative|positive|[<>≤≥])"
    r"|out of range|outside|(?:less|greater) than or equal|(?:above|below) (?:the )?(?:max|min)"
    r"|expected a value [<>≤≥]",
    re.IGNORECASE,
)


class ServerFailureError(Exception):
    """A server did not give a reply. The client adds the address and raises :attr:`kind`."""

    def __init__(
        self, kind: type[ModelError], reason: str, *, wait: float | None = None, may_pass: bool = False
    ) -> None:
        super().__init__(reason)
        self.kind = kind  #: the error that it stands for
        self.reason = reason  #: what the server did; the address goes before it: "refused with 401: no such key"
        self.wait = wait  #: seconds that the server asks to wait for; None: it does not say
        self.may_pass = may_pass  #: another try may succeed


def refusal(reason: str) -> ServerFailureError:
    """The failure of a model, or of its provider, that will not answer."""
    return ServerFailureError(ModelRefusedError, f"does not want to answer: {joined(reason)[:_MAX_REASON]}")


def is_unknown_model(failed: ServerFailureError, name: str) -> bool:
    """Whether a server says that it does not know the model or LoRA ``name``: with 404, or in the words of a 400."""
    return failed.kind is ModelNotFoundError or (
        failed.kind is ModelSetupError and name in failed.reason and _UNKNOWN.search(failed.reason) is not None
    )


def failure_in(chunk: Any) -> ServerFailureError | None:
    """The failure that a document reports, which came with status 200; None: it reports none.

    The error is an object or a text under ``error``, or the document itself with ``"object": "error"`` (vLLM before
    0.10), or ``{"detail": …}`` of FastAPI.
    """
    if not isinstance(chunk, dict):
        return ServerFailureError(ModelUnavailableError, f"sent JSON of another form: {json.dumps(chunk)[:200]}")
    fields = cast("dict[str, Any]", chunk)
    error: Any = fields.get("error")
    if not error and fields.get("object") == "error":
        error = fields
    if not error and "choices" not in fields and "detail" in fields:
        error = {"message": _text(fields["detail"])}
    if not error:
        return None
    code: Any = cast("dict[str, Any]", error).get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) else int(code) if isinstance(code, str) and code.isdigit() else 0
    return failure(status if 400 <= status < 600 else 0, error)


def failure(status: int, body: Any, *, wait: float | None = None) -> ServerFailureError:
    """The failure that an error of a server stands for.

    Args:
        status: of HTTP; 0: the error came with status 200, or in the middle of a reply.
        body: what the server says: an object with ``message``, ``code`` and ``type``, or a text.
        wait: seconds that the server asks to wait for.
    """
    said = reason_of(body)
    everything = f"{_code(body)} {said}"
    reason = f"refused with {status}: {said}" if status else f"reported an error: {said}"
    kind: type[ModelError] = ModelUnavailableError
    if status in (0, 400, 413, 422) and _TOO_LONG.search(everything):
        kind = PromptTooLongError
    elif status in (0, 400, 403, 422) and _POLICY.search(everything):
        kind = ModelRefusedError
    elif (status in (0, 402, 429) and _UNPAID.search(everything)) or (status in (0, 404) and _NO_PATH.search(said)):
        kind = ModelSetupError
    elif status in (408, 409, 425, 429, 503, 529) or (status in (0, 500, 502) and _OVERLOADED.search(everything)):
        kind = ModelBusyError
    elif status == 404:
        kind = ModelNotFoundError
    elif status == 413:
        kind = PromptTooLongError
    elif 400 <= status < 500:
        kind = ModelSetupError
    may_pass = issubclass(kind, ModelUnavailableError) and status != 0
    return ServerFailureError(kind, reason, wait=wait, may_pass=may_pass)


def refused_parameter(body: Any, sent: set[str]) -> str | None:
    """Which of the parameters ``sent`` a server says that it does not take; None: it says nothing of the kind.

    >>> refused_parameter({"message": "Unsupported parameter: 'max_tokens' is not supported"}, {"max_tokens", "seed"})
    'max_tokens'
    """
    fields = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    if (named := fields.get("param")) in sent:
        return str(named)
    text = json.dumps(body, default=str)
    if not _COMPLAINT.search(text):
        return None
    found = (name for name in re.findall(r"\w+", text) if name in sent and _NAMES.fullmatch(name))
    return next(found, None)


def is_out_of_range(name: str, body: Any) -> bool:
    """Whether a server takes the parameter, and not this value. The next request has another temperature, or seed.

    The length of a reply is the same in every request: a server that refuses it is not asked for it again.

    >>> is_out_of_range("temperature", {"message": "temperature must be in [0, 2], got 2.5."})
    True
    >>> is_out_of_range("temperature", {"message": "Unsupported value: only the default (1) is supported"})
    False
    """
    said = json.dumps(body, default=str, ensure_ascii=False)
    return name in ("temperature", "seed") and _RANGE.search(said) is not None


def reason_of(body: Any) -> str:
    """The server's own words, at most 300 characters."""
    if isinstance(body, list) and len(cast("list[object]", body)) == 1:
        return reason_of(body[0])  # Gemini's errors
    if isinstance(body, dict):
        fields = cast("dict[str, Any]", body)
        for name in ("message", "detail", "error", "msg"):
            if fields.get(name):
                return reason_of(fields[name])
    return _text(body)[:_MAX_REASON] or "no reason given"


def _code(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    fields = cast("dict[str, Any]", body)
    inner: Any = fields.get("innererror")  # Azure
    return f"{fields.get('code') or ''} {fields.get('type') or ''} {_code(inner)}"


def _text(value: Any) -> str:
    return " ".join(joined(value if isinstance(value, str) else json.dumps(value, default=str)).split())

"""What a person reads where the language model gives no answer, and what the log and the ledger call it."""

from __future__ import annotations

from typing import Literal

import msgspec
import structlog

from llmagent_os.errors import (
    BadToolCallError,
    ModelBusyError,
    ModelError,
    ModelRefusedError,
    ModelUnavailableError,
    NoModelError,
    PromptTooLongError,
)
from llmagent_os.languages import LazyText, lazy_gettext

_log = structlog.stdlib.get_logger(__name__)

#: Why there is no answer.
FailureKind = Literal["busy", "unavailable", "refused", "misconfigured", "too_long", "confused", "absent"]

#: What a person reads. No settings, addresses or reasons: these are for the log.
WORDS: dict[FailureKind, LazyText] = {
    "busy": lazy_gettext("Sorry, my language model has too much to do right now. Please try again in a moment."),
    "unavailable": lazy_gettext("Sorry, my language model is not available right now. Please try again in a moment."),
    "refused": lazy_gettext("Sorry, my language model does not want to answer that. Please say it in other words."),
    "misconfigured": lazy_gettext(
        "Sorry, my language model cannot be used as it is set up. My owner has to look at the settings."
    ),
    "too_long": lazy_gettext("Sorry, that is more than I can read at once. Please say it in fewer words."),
    "absent": lazy_gettext("I have no language model for that. `/help` lists what I can do without one."),
    "confused": lazy_gettext("Sorry, I did not manage that, and nothing was done. Please say it in other words."),
}


class ModelFailure(msgspec.Struct, frozen=True):
    """Why a model did not answer."""

    kind: FailureKind
    words: str  #: for the person


def failure_of(error: ModelError) -> ModelFailure:
    """Name the kind of an error, log its reason, and find the words for the person."""
    kind = _kind(error)
    if kind == "absent":  # as the owner wants it
        return ModelFailure(kind, str(WORDS[kind]))
    log = _log.warning if kind in ("busy", "refused", "too_long", "confused") else _log.error
    log("the model did not answer", kind=kind, error=str(error))
    return ModelFailure(kind, str(WORDS[kind]))


def _kind(error: ModelError) -> FailureKind:
    match error:
        case NoModelError():
            return "absent"
        case PromptTooLongError():
            return "too_long"
        case BadToolCallError():
            return "confused"
        case ModelRefusedError():
            return "refused"
        case ModelBusyError():
            return "busy"
        case ModelUnavailableError():
            return "unavailable"
        case _:
            return "misconfigured"

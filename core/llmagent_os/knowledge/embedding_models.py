"""Embedding models: texts into vectors of length 1, by sentence-transformers in this process, or by a server.

``openai:MODEL`` is a model of an OpenAI-compatible server (``/embeddings``). Any other name is one of
sentence-transformers: a folder, a hub id, or the name of an installed package that holds a model.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from llmagent_os.errors import ConfigError, LLMAgentOSError
from llmagent_os.serving.token_tally import note_embedded

if TYPE_CHECKING:  # imports numpy, which a bot without embeddings does not need
    from llmagent_os.knowledge.vector_file import Vectors

#: A model's name begins with this if the model is on a server.
SERVER = "openai:"

#: How many texts are embedded at once.
BATCH = 64

#: How many questions' embeddings are remembered: the bases of one bot are asked the same question.
_QUESTIONS = 64

#: The longest text that is embedded, in characters. Models read the beginning of longer ones.
_MAX_CHARACTERS = 8_000


class EmbeddingError(LLMAgentOSError):
    """Texts cannot be embedded now: the server does not answer, or answers with something else."""


class EmbeddingModel(Protocol):
    """Makes vectors of texts."""

    @property
    def name(self) -> str:
        """The model's name. Vectors of models with different names are never compared."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row of length 1 for each text: shape (texts, dimensions). May be called from several threads.

        Raises:
            EmbeddingError: it cannot be done now.
            ConfigError: the model is not there.
        """
        ...


class LocalEmbeddings:
    """A model of sentence-transformers. It is loaded with the first text."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._model: Any = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See :class:`EmbeddingModel`."""
        import numpy as np

        with self._lock:
            if self._model is None:
                self._model = _load(self.name)
            short = [text[:_MAX_CHARACTERS] for text in texts]
            rows: Any = self._model.encode(short, batch_size=BATCH, show_progress_bar=False)
        note_embedded(short)
        return unit(np.asarray(rows, np.float32))


class ServerEmbeddings:
    """A model of an OpenAI-compatible server."""

    def __init__(self, name: str, base_url: str, key: str) -> None:
        """Args:
        name: ``openai:MODEL``.
        base_url: of the server; empty: OpenAI's cloud.
        key: for the server; empty: it needs none.
        """
        self.name = name
        self._url, self._key = base_url, key
        self._client: Any = None
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See :class:`EmbeddingModel`."""
        import numpy as np

        openai: Any = importlib.import_module("openai")
        with self._lock:
            if self._client is None:
                self._client = openai.OpenAI(
                    base_url=self._url or None, api_key=self._key or "none", timeout=30.0, max_retries=1
                )
        try:
            short = [text[:_MAX_CHARACTERS] for text in texts]
            model = self.name.removeprefix(SERVER)
            answer: Any = self._client.embeddings.create(model=model, input=short, encoding_format="float")
            rows = np.asarray([each.embedding for each in sorted(answer.data, key=lambda each: each.index)], np.float32)
        except (openai.OpenAIError, AttributeError, TypeError, ValueError) as error:
            raise EmbeddingError(f"the embedding model {self.name!r} gives no embeddings: {error}") from error
        note_embedded(short, int(getattr(getattr(answer, "usage", None), "prompt_tokens", 0) or 0))
        if rows.ndim != 2 or len(rows) != len(texts) or not np.isfinite(rows).all():
            raise EmbeddingError(f"the embedding model {self.name!r} gave {len(rows)} vectors for {len(texts)} texts")
        return unit(rows)


class RememberedQuestions:
    """Another model, whose vectors of the latest single texts are remembered."""

    def __init__(self, model: EmbeddingModel) -> None:
        self.name = model.name
        self._model = model
        self._questions: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See :class:`EmbeddingModel`."""
        if len(texts) != 1:
            return self._model.embed(texts)
        with self._lock:
            known = self._questions.get(texts[0])
        if known is None:
            known = self._model.embed(texts)
            with self._lock:
                self._questions[texts[0]] = known
                while len(self._questions) > _QUESTIONS:
                    self._questions.popitem(last=False)
        return known


def embedding_model(name: str, *, base_url: str = "", key: str = "") -> EmbeddingModel | None:
    """The model with this name. None: the name is empty.

    Raises:
        ConfigError: sentence-transformers is needed, and is not installed.
    """
    if not name:
        return None
    if name.startswith(SERVER):
        return RememberedQuestions(ServerEmbeddings(name, base_url, key))
    if importlib.util.find_spec("sentence_transformers") is None:
        raise ConfigError(
            f"the embedding model {name!r} needs sentence-transformers: install it with `pip install "
            f"'llmagent-os[embeddings]'`, or name a server's model: {SERVER}MODEL"
        )
    return RememberedQuestions(LocalEmbeddings(name))


def unit(rows: Vectors) -> Vectors:
    """``rows`` with length 1; a row of zeros stays as it is."""
    import numpy as np

    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return cast("Vectors", rows / np.maximum(lengths, 1e-12))


def _load(name: str) -> Any:
    """The model in a folder, in an installed package's folder ``model``, or on the hub."""
    library: Any = importlib.import_module("sentence_transformers")
    place = name
    package = name.replace("-", "_")
    if not Path(name).exists() and "/" not in name and package.isidentifier():
        found = importlib.util.find_spec(package)
        if found is not None and found.submodule_search_locations:
            inside = Path(next(iter(found.submodule_search_locations))) / "model"
            place = str(inside) if inside.is_dir() else name
    try:
        return library.SentenceTransformer(place, device="cpu")
    except Exception as error:  # whatever the hub, the files or the library have
        raise ConfigError(f"the embedding model {name!r} cannot be loaded: {error}") from error

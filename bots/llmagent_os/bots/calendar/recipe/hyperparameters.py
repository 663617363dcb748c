"""The numbers of a training run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

import msgspec

from llmagent_os.errors import ConfigError

Count = Annotated[int, msgspec.Meta(gt=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides the trained model, except the versions of the libraries.

    >>> Recipe(steps=500).differences(Recipe())
    'steps=500 and not 3000'
    """

    seed: int = 0
    steps: Count = 3000  #: the number of batches, with one update per batch
    vocab_size: Count = 4096
    corpus: Count = 60_000  #: the number of conversations for learning the tokenizer
    hidden_size: Count = 256
    layers: Count = 6
    heads: Count = 4
    key_value_heads: Count = 2
    head_dim: Count = 64
    feed_forward: Count = 768
    group: Count = 640  #: the number of conversations that are drawn and sorted by length together
    tokens: Count = 8192  #: the most padded tokens of a batch, unless one conversation alone is longer
    muon_lr: Positive = 3e-3
    adamw_lr: Positive = 3e-3
    weight_decay: Share = 0.05  #: of the matrices; embeddings and norms have none
    warmup: Count = 100  #: steps in which the learning rate rises
    decay: Share = 0.5  #: the last share of the steps, in which the learning rate falls to zero
    validate_every: Count = 250  #: steps from one validation to the next

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a recipe from a JSON file. A number that the file does not name has its default.

        Raises:
            ConfigError: the file cannot be read, or is not a JSON object of a recipe's numbers; the message says why.
        """
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"the recipe {path} cannot be read: {error}") from error

    def write(self, path: Path) -> None:
        """Write the recipe as JSON."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")

    def numbers(self) -> dict[str, int | float]:
        """Return every number by its name."""
        return msgspec.structs.asdict(self)

    def differences(self, other: Recipe) -> str:
        """Return the differences, such as ``steps=500 and not 3000``. Empty: the recipes are the same."""
        mine, its = self.numbers(), other.numbers()
        return ", ".join(f"{name}={mine[name]} and not {its[name]}" for name in mine if mine[name] != its[name])

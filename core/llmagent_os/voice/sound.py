"""Sound in memory, and whether there is anything in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Samples a second that speech recognition works on.
LISTENING_RATE = 16_000

#: Below this root mean square in its loudest part, a recording holds nothing that people hear: -60 dB of full scale.
SILENCE_LEVEL = 0.001

#: Length of the parts whose loudness is looked at, in seconds.
PART_SECONDS = 0.1


@dataclass(frozen=True)
class Sound:
    """One channel of sound."""

    samples: NDArray[np.float32]  #: shape (samples,), from -1 to 1
    rate: int  #: samples a second

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate

    @property
    def is_silent(self) -> bool:
        """Whether not even its loudest tenth of a second can be heard.

        >>> Sound(np.zeros(16_000, np.float32), 16_000).is_silent
        True
        """
        length = max(int(self.rate * PART_SECONDS), 1)
        whole = self.samples[: len(self.samples) // length * length].reshape(-1, length)  # (parts, length)
        if not len(whole):
            return True
        return float(np.sqrt(np.mean(np.square(whole, dtype=np.float64), axis=1)).max()) < SILENCE_LEVEL

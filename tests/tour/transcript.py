"""The transcript: what was said in each step of the tour, and whether each step holds."""

from __future__ import annotations

import re
from pathlib import Path


class StepFailed(Exception):
    """A step of the tour did not hold."""


class Transcript:
    """Writes ``transcript.md`` in a folder, line by line, and prints it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures = 0
        self._path = folder / "transcript.md"
        folder.mkdir(parents=True, exist_ok=True)
        self._path.write_text("# The tour\n")

    def step(self, place: str, title: str) -> None:
        self._write(f"\n## {place}: {title}\n")

    def said(self, place: str, who: str, text: str) -> None:
        """Note what ``who`` said or did on a platform. Several lines are quoted as such."""
        self._write(f"- {place}, {who}: " + text.strip().replace("\n", "\n  > "))

    def holds(self, true: object, what: str) -> None:
        """Note that ``what`` holds.

        Raises:
            StepFailed: it does not.
        """
        if not true:
            self._write(f"- ✗ {what}")
            raise StepFailed(f"this does not hold: {what}")
        self._write(f"- ✓ {what}")

    def picture(self, name: str) -> Path:
        """The file of the next screenshot."""
        self.pictures += 1
        path = self.folder / f"{self.pictures:02}-{re.sub(r'[^a-z0-9]+', '-', name.lower())}.png"
        self._write(f"- screenshot: {path.name}")
        return path

    def _write(self, line: str) -> None:
        print(line, flush=True)
        with self._path.open("a") as file:
            file.write(f"{line}\n")

"""``llmagent-os run`` with the shipped calendar bot, in a process and a data folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

from llmagent_os.bot import Bot

STARTING_SECONDS = 120.0


class CalendarBot:
    """A copy of the bot's file, with settings of the tour at its end."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Args: ``environment`` names the platforms, and goes before the settings of the tour."""
        installed = Bot.load("calendar")
        folder.mkdir(parents=True, exist_ok=True)
        self.file, self.data, self.log = folder / "bot.toml", folder / "data", folder / "bot.log"
        self.settings = (installed.folder / "bot.toml").read_text()
        if installed.facts is not None:
            shutil.copy(installed.facts, folder)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("LLMAGENT_OS_")}
        self.environment = kept | {
            "LLMAGENT_OS_DATA": str(self.data),
            "LLMAGENT_OS_ACCESS": "everyone",
            "LLMAGENT_OS_TIME_ZONE": "UTC",
            "LLMAGENT_OS_THREADS": "1",
            "LLMAGENT_OS_POLICY": "bayes",
            "LLMAGENT_OS_SEED": "1",
            **environment,
        }

    @contextlib.asynccontextmanager
    async def running(self, more: str = "") -> AsyncGenerator[str]:
        """Start the bot with ``more`` at the end of its file, give the page's address, and stop it at the end.

        Raises:
            RuntimeError: it ended before it listened; with its log.
        """
        await asyncio.to_thread(self.file.write_text, f"{self.settings}\n{more}\n")
        log = await asyncio.to_thread(self.log.open, "ab")
        with log:
            process = await asyncio.create_subprocess_exec(
                *(_command(), "run", self.file, "--port", "0"),
                env=self.environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(STARTING_SECONDS):
                async for line in process.stdout:
                    if found := re.search(rb"http://127\S+", line):
                        break
                else:
                    raise RuntimeError(f"the bot ended: {self.log.read_text()[-4000:]}")
            yield found[0].decode()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    async def checked(self, file: Path) -> tuple[int, str]:
        """What ``llmagent-os bot check`` answers: exit code, and all that it prints."""
        process = await asyncio.create_subprocess_exec(
            *(_command(), "bot", "check", file),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode()


def _command() -> Path:
    return Path(sys.executable).with_name("llmagent-os")

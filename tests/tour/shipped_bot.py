"""``llmagent-os run`` with a shipped bot, in a process and a data folder of its own."""

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


class ShippedBot:
    """A copy of the bot's folder, with settings of the tour in its file."""

    def __init__(self, folder: Path, environment: Mapping[str, str], name: str = "calendar") -> None:
        """Args: ``environment`` names the platforms, and goes before the settings of the tour."""
        installed = Bot.load(name)
        ignored = shutil.ignore_patterns("*.py", "__pycache__", "model", "recipe", "talk")
        shutil.copytree(installed.folder, folder, ignore=ignored, dirs_exist_ok=True)
        self.folder, self.file, self.data, self.log = folder, folder / "bot.toml", folder / "data", folder / "bot.log"
        self.settings = self.file.read_text()
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
    async def running(self, more: str = "", *, first: str = "", permissions: str = "") -> AsyncGenerator[str]:
        """Start the bot, give the page's address, and stop it at the end.

        Args:
            more: tables for the end of its file.
            first: settings for the beginning of its file.
            permissions: one more of the bot's permissions.

        Raises:
            RuntimeError: it ended before it listened; with its log.
        """
        settings = self.settings.replace("permissions = [", f'permissions = ["{permissions}", ') if permissions else ""
        await asyncio.to_thread(self.file.write_text, f"{first}\n{settings or self.settings}\n{more}\n")
        log = await asyncio.to_thread(self.log.open, "ab")
        with log:
            process = await asyncio.create_subprocess_exec(
                *(command(), "run", self.file, "--port", "0"),
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

    async def told(self, *arguments: str) -> tuple[int, str]:
        """What ``llmagent-os`` answers in the bot's folder: exit code, and all that it prints."""
        process = await asyncio.create_subprocess_exec(
            *(str(command()), *arguments),
            cwd=self.folder,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode()


def command() -> Path:
    """The program ``llmagent-os`` of the Python that runs."""
    return Path(sys.executable).with_name("llmagent-os")

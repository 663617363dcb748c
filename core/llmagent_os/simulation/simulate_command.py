"""Runs a simulation for ``llmagent-os simulate``: in a folder of its own. Interrupted, it still writes its report."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from llmagent_os.admin import log_setup
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, LLMAgentOSError
from llmagent_os.serving.model_catalogue import MODELS_FOLDER
from llmagent_os.simulation.live_view import LiveView
from llmagent_os.simulation.simulated_host import simulated_host
from llmagent_os.simulation.simulation import Simulation
from llmagent_os.simulation.simulation_options import SimulationOptions, SimulationPlace
from llmagent_os.simulation.simulation_record import SimulationRecord
from llmagent_os.simulation.simulation_report import REPORT_FILES, write_report
from llmagent_os.simulation.trials import run_trials

#: The bot that simulated people talk to where only a model is named.
GENERAL_BOT = Path(__file__).with_name("general_bot.toml")
#: The bot that they talk to where nothing is named.
DEFAULT_BOT = "calendar"

#: What the host and its trainings log, in the folder of the report.
LOG_FILE = "host.log"

#: How the folder of a simulation begins; then comes the number of its process.
_PREFIX = "llmagent-os-simulation-"


async def simulate(
    settings: Settings,
    bot: str,
    options: SimulationOptions,
    *,
    data: Path | None,
    report: Path,
    view: LiveView | None = None,
) -> SimulationRecord:
    """Run a simulation and write its report. Cancelled, it writes the report so far.

    Args:
        settings: of the machine: the model and its threads.
        bot: a bot's name or path; empty: the calendar, or a general bot where the settings name another model.
        options: what is simulated.
        data: a new folder, which is kept; None: a temporary one, which is deleted.
        report: the folder of the report.
        view: shows it; None: on standard error.

    Raises:
        ConfigError: the bot, its model or a folder cannot be used.
        ModelNotFoundError: there is no such model.
    """
    view = view or LiveView(sys.stderr)
    chosen = bot or (str(GENERAL_BOT) if settings.model not in ("", DEFAULT_BOT) else DEFAULT_BOT)
    with _folder(data) as folder, _log(report, settings):
        place = SimulationPlace(
            bot=chosen,
            model=settings.model,
            data=folder,
            models=settings.data / MODELS_FOLDER,
            threads=settings.threads,
        )
        record = SimulationRecord(bot=chosen, model=settings.model, options=msgspec.to_builtins(options))
        try:
            await _run(place, options, record, view)
            record.ended = "done"
        except asyncio.CancelledError:
            record.ended = "interrupted, and this is what was found until then"
            raise
        except LLMAgentOSError as error:
            record.ended = f"ended by an error: {error}"
            raise
        finally:
            view.close()
            if record.tastes:
                missing = write_report(record, report)
                view.line(f"The report is in {report / REPORT_FILES[0]}. {missing}".rstrip())
    return record


async def _run(place: SimulationPlace, options: SimulationOptions, record: SimulationRecord, view: LiveView) -> None:
    view.phase("starts the host and loads the model", 0, 1)
    async with simulated_host(place, options) as host:
        record.bot, record.model = host.bot, host.runtime.llm.name
        simulation = Simulation(host, options, record, view)
        await simulation.run()
        await run_trials(simulation)


@contextmanager
def _folder(given: Path | None) -> Generator[Path]:
    """The data folder of a simulation.

    Raises:
        ConfigError: there is something in the folder already.
    """
    if given is not None:
        if given.exists() and (not given.is_dir() or any(given.iterdir())):
            raise ConfigError(f"--data {given}: there is something already; name a new folder, not that of a bot")
        yield given
        return
    _delete_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _log(report: Path, settings: Settings) -> Generator[None]:
    """Send the log to a file for as long as this is open: its lines would get between those of the view.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        report.mkdir(parents=True, exist_ok=True)
        file = (report / LOG_FILE).open("w", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--report {report} cannot be written: {error.strerror or error}") from error
    with file:
        log_setup.configure("warning", settings.log_format, stream=file, secrets=settings.secret_values())
        try:
            yield
        finally:
            log_setup.configure("error", settings.log_format, secrets=settings.secret_values())


def _delete_leftovers() -> None:
    """Delete the folders of simulations whose process was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        process = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(PermissionError, ValueError):
            try:
                os.kill(int(process), 0)
            except ProcessLookupError:
                shutil.rmtree(folder, ignore_errors=True)

"""Trains the calendar model from scratch: ``llmagent-os train calendar``."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import click
import msgspec

from llmagent_os.errors import ConfigError

_EXTRAS = ("faker", "matplotlib")
_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@click.option("--out", type=_FOLDER, default="runs/calendar", show_default=True, help="The run's folder; it resumes.")
@click.option("--recipe", "file", type=_FILE, help="A JSON file with numbers that replace the recipe's.")
@click.option("--steps", type=click.IntRange(min=1), help="Replaces the recipe's number of steps.")
@click.option("--seed", type=int, help="Replaces the recipe's seed, which decides the data and the first weights.")
@click.option("--threads", type=click.IntRange(min=1), help="The number of cores to use; by default all.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option(
    "--messages",
    type=click.IntRange(min=0),
    default=600,
    show_default=True,
    help="The number of messages that the model answers for the report.",
)
@click.option("--install", "installing", is_flag=True, help="Replace the model that the bot uses by the new one.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    out: Path,
    file: Path | None,
    threads: int | None,
    device: str,
    messages: int,
    installing: bool,
    **numbers: int | None,
) -> None:
    """Train the calendar model: write conversations, learn from them, and report.

    Ctrl-C or SIGTERM saves everything and stops. The same command resumes the run.
    """
    if missing := [name for name in _EXTRAS if find_spec(name) is None]:
        raise ConfigError(f"training needs {' and '.join(missing)}: pip install 'llmagent-os[train]'")
    import torch

    from llmagent_os.bots.calendar.recipe.checkpoint import TrainingStopped
    from llmagent_os.bots.calendar.recipe.export import install
    from llmagent_os.bots.calendar.recipe.hyperparameters import Recipe
    from llmagent_os.bots.calendar.recipe.report import report
    from llmagent_os.bots.calendar.recipe.train import train

    recipe = Recipe.read(file) if file else Recipe()
    recipe = msgspec.structs.replace(recipe, **{name: value for name, value in numbers.items() if value is not None})
    if threads:
        torch.set_num_threads(threads)
    with stop_signals() as stopped:
        try:
            model = train(out, recipe, device=_device(device), stopping=lambda: stopped() is not None)
        except TrainingStopped as error:
            click.echo(str(error), err=True)
            ctx.exit(128 + (stopped() or signal.SIGINT))
    click.echo(f"The model is in {model}; try it with `llmagent-os chat --model {model}`.")
    click.echo(f"The report is in {report(out, messages=messages)}.")
    if installing:
        click.echo(f"Installed in {install(model)}.")


def _device(asked: str) -> str:
    """The device to train on.

    Raises:
        ConfigError: a GPU is asked for, and there is none.
    """
    import torch

    if asked == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "--device cuda: torch finds no GPU here; choose cpu, or install a torch that is built for the GPU"
        )
    return ("cuda" if torch.cuda.is_available() else "cpu") if asked == "auto" else asked


@contextmanager
def stop_signals() -> Generator[Callable[[], int | None]]:
    """Note Ctrl-C and SIGTERM instead of stopping at once. A second signal stops as usual.

    Outside the main thread, where signals cannot be received, this does nothing.

    Yields:
        A function that returns the received signal, or None.
    """
    received: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        for each in numbers:
            signal.signal(each, before[each])

    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield lambda: received[0] if received else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

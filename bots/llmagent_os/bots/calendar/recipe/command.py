"""``llmagent-os train calendar``: makes the calendar model from scratch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from llmagent_os.errors import ConfigError


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="runs/calendar",
    show_default=True,
    help="The run's folder; a run found there goes on.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Instead of the recipe's own number.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides the data and the first weights.")
@click.option("--threads", type=click.IntRange(min=1), help="Cores to use; all by default.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--install", is_flag=True, help="Put the finished model in place of the one the bot uses.")
def command(out: Path, steps: int | None, seed: int, threads: int | None, device: str, install: bool) -> None:
    """Train the calendar model: write conversations, learn from them, report."""
    try:
        import faker  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise ConfigError("training needs the extra packages: pip install 'llmagent-os[train]'") from error
    import torch

    from llmagent_os.bots.calendar.recipe.report import report
    from llmagent_os.bots.calendar.recipe.train import Recipe, train

    if threads:
        torch.set_num_threads(threads)
    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    recipe = replace(Recipe(seed=seed), **({"steps": steps} if steps else {}))
    model = train(out, recipe, device=chosen)
    click.echo(f"The model is in {model}; try it with `llmagent-os chat --model {model}`.")
    report(out)
    click.echo(f"The report is in {out / 'report'}.")
    if install:
        from llmagent_os.bots.calendar.recipe.train import install_model

        click.echo(f"Installed in {install_model(model)}.")

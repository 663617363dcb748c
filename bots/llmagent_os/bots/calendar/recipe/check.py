"""Shows what grammar files give: ``python -m llmagent_os.bots.calendar.recipe.check create.txt --samples 3``.

For whoever writes wordings: mistakes are named with their line, and samples show what is nonsense. Rules of the other
files in the same folder can be referred to.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import click

from llmagent_os.bots.calendar.recipe.lexicon import SOURCES
from llmagent_os.bots.calendar.recipe.phrase_grammar import Grammar, Source
from llmagent_os.bots.calendar.recipe.phrases import DATA
from llmagent_os.bots.calendar.recipe.syntax import GrammarError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--samples", type=click.IntRange(min=0), default=5, show_default=True, help="Phrases shown of each rule.")
@click.option("--seed", type=int, help="Draws the same samples again.")
def check(files: tuple[Path, ...], samples: int, seed: int | None) -> None:
    """Read grammar FILES, say what is wrong with them, and show phrases of each of their rules.

    Exit code 2 where a line cannot be read, 1 where a rule is referred to that nothing defines.
    """
    grammar, own = Grammar(), Grammar()
    try:
        for path in files:
            own.add_file(path)
        for path in sorted({*files, *(other for file in files for other in file.parent.glob("*.txt"))}):
            grammar.add_file(path)
    except GrammarError as error:
        click.secho(str(error), fg="red", err=True)
        sys.exit(2)
    grammar.sources = SOURCES | {f"data_{key}": _shown(f"<{key}>") for key in DATA}
    missing = sorted(grammar.undefined())
    grammar.sources |= {name: _shown(f"«{name}»") for name in missing}
    rng = random.Random(seed)
    for name, alternatives in sorted(own.rules.items()):
        click.secho(f"== {name} ({len(alternatives)} lines)", bold=True)
        for _ in range(samples):
            phrase = grammar.draw(name, rng)
            click.echo(f"   {phrase.text}    {phrase.marks or ''}".rstrip())
    if missing:
        click.secho(f"nothing defines {', '.join(missing)}", fg="red", err=True)
        sys.exit(1)


def _shown(text: str) -> Source:
    return lambda _rng: text


if __name__ == "__main__":
    check()

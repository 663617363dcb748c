"""Checks grammar files: ``python -m llmagent_os.bots.calendar.recipe.check_grammar create.txt --samples 3``.

It names mistakes with their line, and prints sample phrases in which nonsense shows. A rule may refer to the rules of
the other files in the same folder.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import click

from llmagent_os.bots.calendar.recipe.grammar_syntax import GrammarError
from llmagent_os.bots.calendar.recipe.lexicon import SOURCES
from llmagent_os.bots.calendar.recipe.phrase_grammar import Grammar, Source
from llmagent_os.bots.calendar.recipe.phrases import DATA_KEYS

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option(
    "--samples", type=click.IntRange(min=0), default=5, show_default=True, help="Number of phrases shown per rule."
)
@click.option("--seed", type=int, help="The same seed shows the same phrases.")
def check_grammar(files: tuple[Path, ...], samples: int, seed: int | None) -> None:
    """Read grammar FILES, name their mistakes, and show phrases of each of their rules.

    Exit code 2: a line cannot be read. Exit code 1: a rule that is referred to is not defined.
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
    grammar.sources = SOURCES | {f"data_{key}": _constant(f"<{key}>") for key in DATA_KEYS}
    missing = sorted(grammar.undefined())
    grammar.sources |= {name: _constant(f"«{name}»") for name in missing}
    rng = random.Random(seed)
    for name, alternatives in sorted(own.rules.items()):
        click.secho(f"== {name} ({len(alternatives)} lines)", bold=True)
        for _ in range(samples):
            phrase = grammar.draw(name, rng)
            click.echo(f"   {phrase.text}    {phrase.marks or ''}".rstrip())
    if missing:
        click.secho(f"nothing defines {', '.join(missing)}", fg="red", err=True)
        sys.exit(1)


def _constant(text: str) -> Source:
    return lambda _rng: text


if __name__ == "__main__":
    check_grammar()

"""The benchmark of memories in small. What breaks without this: figures in the documentation that nobody can repeat."""

from __future__ import annotations

from benchmarks.memory import measure


async def test_what_is_kept_is_right_and_nothing_leaks() -> None:
    figures = await measure("open", seed=3, conversations=40, people=20)
    assert figures.right >= 0.95 * figures.kept > 0
    assert figures.right >= 0.9 * figures.wanted
    assert figures.gone >= 0.95 * figures.replaced > 0
    assert figures.prompts > 300
    assert (figures.of_others, figures.out_of_place) == (0, 0)

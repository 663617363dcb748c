"""Says in sentences what a training learns, for its report, or why it learns nothing."""

from __future__ import annotations

from llmagent_os.training.distillation import Distillation


def curated_notes(count: int) -> list[str]:
    """Say how many turns are learned that the bot's makers wrote."""
    return [f"{count} turns that the bot's makers wrote are learned"] if count else []


def why_no_lessons(found: Distillation | None) -> str:
    """Say why nothing is learned. ``found`` None: nothing was asked that is answered in words."""
    if found is None:
        return "no judged reply is in words, and no tool call was liked or corrected"
    return "no style that the model can be brought to is surely liked better than its own, and no tool call was liked"


def lesson_notes(found: Distillation | None, calls: int) -> tuple[str, ...]:
    """Say how many tool calls are learned, and how many of the replies that were found."""
    notes = [f"{calls} tool calls that were liked or corrected are learned"] if calls else []
    if found is not None:
        styles = ", ".join(f"{count} in style {style}" for style, count in found.styles.items())
        notes.append(
            f"{len(found.examples)} of the model's own replies are learned ({styles}): the reward model expects "
            f"{found.liked_after:.0%} of them to be liked, and {found.liked_before:.0%} of those before"
        )
        notes += found.warnings
    return tuple(notes)

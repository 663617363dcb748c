"""Decides which choices of a reply are buttons, and which are a menu, on platforms that have menus.

>>> from llmagent_os.adapter import Button
>>> days = [Button(day, day) for day in ("Mon", "Tue", "Wed", "Thu", "Fri")]
>>> divided(days).menu, len(divided(days).buttons)
((), 5)
>>> shown = divided([*days, Button("Sat", "Sat"), Button("Yes, all", "all", "danger")])
>>> len(shown.menu), [button.label for button in shown.buttons]
(6, ['Yes, all'])
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llmagent_os.adapter import Button
from llmagent_os.languages import lazy_gettext

#: The most choices that are shown as buttons alone.
MAX_BUTTONS = 5

#: What a menu says before a choice is made.
PLACEHOLDER = lazy_gettext("Choose one")


class DividedChoices(msgspec.Struct, frozen=True):
    """The choices of a reply, each of them once."""

    menu: tuple[Button, ...]  #: the options of a menu; empty: there is no menu
    buttons: tuple[Button, ...]


def divided(choices: Sequence[Button], *, one_tap: bool = False) -> DividedChoices:
    """Divide ``choices``: more than :data:`MAX_BUTTONS` become a menu, except those with a style of their own.

    What cannot be taken back, and what is recommended, stays a button: people see it without opening the menu.

    Args:
        choices: of a reply.
        one_tap: twice as many may be buttons: of a short question that nobody answers who has to open a menu first.
    """
    if len(choices) <= MAX_BUTTONS * (1 + one_tap):
        return DividedChoices((), tuple(choices))
    styled = tuple(choice for choice in choices if choice.style != "default")
    if len(styled) > MAX_BUTTONS:
        return DividedChoices(tuple(choices), ())
    return DividedChoices(tuple(choice for choice in choices if choice.style == "default"), styled)

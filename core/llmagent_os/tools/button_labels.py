"""The labels of buttons that mean the same wherever they stand. What is said with them is told by these words."""

from __future__ import annotations

from llmagent_os.languages import LazyText, lazy_gettext

YES = lazy_gettext("Yes")
NO = lazy_gettext("No")
#: Takes back what a tool did.
UNDO = lazy_gettext("Undo")


def is_labelled(label: str, text: LazyText) -> bool:
    """Whether a button has a label, in English or in the language in force.

    >>> is_labelled("Undo", UNDO), is_labelled("Undo all", UNDO)
    (True, False)
    """
    return label in (text.message, str(text))

"""Links: which of them are safe, and how an address in plain text is found."""

from __future__ import annotations

import re

from markdown_it.rules_inline import StateInline

#: Links that may be clicked. A link to anything else (``javascript:``, ``data:``, a path) stays text.
_SAFE = re.compile(r"https?://[^/]|mailto:.", re.IGNORECASE)

#: An address ends before characters that belong to the sentence or to Markdown.
_ADDRESS = re.compile(r"https?://[^\s<>\[\]\"`\\，。、；：！？）】」》]+")
_AFTERWARDS = ".,;:!?'*_~)|"


def is_safe(link: str) -> bool:
    """Whether ``link`` may be made clickable.

    >>> is_safe("https://example.org"), is_safe("javascript:alert(1)"), is_safe("/etc/passwd")
    (True, False, False)
    """
    return _SAFE.match(link) is not None


def address(text: str, start: int, end: int) -> str:
    """The web address that starts at ``start`` of ``text``; empty if there is none.

    >>> address("(see https://example.org/a_(b).)", 5, 99)
    'https://example.org/a_(b)'
    """
    match = _ADDRESS.match(text, start, end)
    if match is None:
        return ""
    found = match[0].rstrip(_AFTERWARDS)
    while match[0][len(found) :].startswith(")") and found.count("(") > found.count(")"):
        found += ")"
    return found if _SAFE.match(found) else ""


def bare_link(state: StateInline, silent: bool) -> bool:
    """An inline rule of markdown-it: an address is a link, and its characters are not emphasis.

    The rule of markdown-it itself would need another package.
    """
    scheme = "https" if state.src.endswith("https", 0, state.pos) else "http"
    found = address(state.src, max(0, state.pos - len(scheme)), state.posMax)
    if state.linkLevel or not found or not (silent or state.pending.endswith(scheme)):
        return False
    if not silent:
        state.pending = state.pending.removesuffix(scheme)
        state.push("link_open", "a", 1).attrs = {"href": found}
        state.push("text", "", 0).content = found
        state.push("link_close", "a", -1)
    state.pos += len(found) - len(scheme)
    return True

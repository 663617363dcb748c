"""Reads Markdown into sections: one for what stands below each heading, with the headings above it as its place."""

from __future__ import annotations

import re
from functools import cache

from markdown_it import MarkdownIt

from llmagent_os.knowledge.passage_splitting import MAX_PLACE, one_line
from llmagent_os.knowledge.passages import Section

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_MARKS = re.compile(r"[*_`]+|!?\[([^\[\]]*)\]\([^)]*\)")
#: The most characters of a heading that are looked at: a link's address may be long.
_MAX_HEADING = 1_000


def markdown_sections(text: str) -> tuple[str, list[Section]]:
    r"""Return the title and the sections of a Markdown text. The title is the first heading, if nothing stands above.

    >>> title, sections = markdown_sections("# Handbook\nHello.\n## Holidays\n30 days.\n### Sick\nCall us.")
    >>> title, [(each.place, each.text) for each in sections]
    ('Handbook', [('', 'Hello.'), ('Holidays', '30 days.'), ('Holidays > Sick', 'Call us.')])
    """
    text = _FRONT_MATTER.sub("", text.replace("\r\n", "\n"))
    lines = text.split("\n")
    tokens = [token for token in _parser().parse(text) if token.level == 0 and token.map]
    path: dict[int, str] = {}
    sections: list[tuple[str, list[str]]] = []
    title = ""
    for token in tokens:
        first, last = token.map or [0, 0]
        if token.type != "heading_open":
            block = "\n".join(lines[first:last]).strip()
            place = " > ".join(path[level] for level in sorted(path))
            if sections and sections[-1][0] == place:
                sections[-1][1].append(block)
            elif block:
                sections.append((place, [block]))
            continue
        heading, level = _heading(lines[first:last]), int(token.tag[1])
        if not title and not sections and not path and level == 1:
            title = heading
            continue
        path = {above: name for above, name in path.items() if above < level} | {level: heading}
    return title, [Section("\n\n".join(blocks), place) for place, blocks in sections]


def _heading(lines: list[str]) -> str:
    """The words of a heading, which may be underlined in place of its leading signs.

    They are cut here: whatever stands below repeats them.
    """
    return one_line(_MARKS.sub(lambda found: found[1] or "", lines[0][:_MAX_HEADING]).strip().strip("#"))[:MAX_PLACE]


@cache
def _parser() -> MarkdownIt:
    """It finds blocks only: what stands in them is kept as it is written, and reading many brackets takes long."""
    return MarkdownIt("commonmark").enable("table").disable("inline")

"""Reads XML that a stranger may have written: no document type, and so no entities, are allowed."""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from llmagent_os.languages import gettext
from llmagent_os.plugins.finance.reading.statement_error import StatementError

MAX_DEPTH = 50


class _Names(ElementTree.TreeBuilder):
    """Builds elements without namespaces, and not too deep."""

    depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise StatementError(
                gettext("The file is damaged: {reason}. Please export it again.", reason=f"depth > {MAX_DEPTH}")
            )
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: str, /) -> Element:
        self.depth -= 1
        return super().end(tag.rpartition("}")[2])


def read_xml(text: str) -> Element:
    """The root of a document, without namespaces in the names.

    Raises:
        StatementError: it is damaged, too deep, or declares entities.
    """
    if re.search(r"<!\s*(?:DOCTYPE|ENTITY)", text, re.I):
        raise StatementError(
            gettext("The file declares a document type. Statements of banks have none, and it is not safe to read.")
        )
    try:
        # The encoding that the file declares is that of its bytes; these are characters already.
        return ElementTree.fromstring(text.lstrip("\ufeff \r\n\t"), ElementTree.XMLParser(target=_Names()))
    except ElementTree.ParseError as error:
        raise StatementError(gettext("The file is damaged: {reason}. Please export it again.", reason=error)) from error

"""Requests and answers of WebDAV and CalDAV in XML (RFC 4918, 4791, 6578)."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.sax.saxutils import escape

_DAV, _CAL = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
_NAMESPACES = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"'

PROPERTIES = (
    f"<d:propfind {_NAMESPACES}><d:prop><d:resourcetype/><d:displayname/><d:getetag/><d:current-user-principal/>"
    "<c:calendar-home-set/><c:supported-calendar-component-set/></d:prop></d:propfind>"
)


class DavAnswerError(Exception):
    """A server's answer is not what the protocol says."""


@dataclass
class DavResource:
    """What a server says of one resource."""

    href: str
    status: int = 200  #: 404: the resource is gone
    etag: str = ""
    name: str = ""
    kinds: set[str] = field(default_factory=set[str])  #: such as ``collection`` and ``calendar``
    principal: str = ""  #: of the person who asks
    homes: list[str] = field(default_factory=list[str])  #: the collections that hold the person's calendars
    components: set[str] = field(default_factory=set[str])  #: what a calendar may hold, such as ``VEVENT``
    data: str = ""  #: the calendar object itself


@dataclass
class DavAnswer:
    """A multistatus answer."""

    resources: list[DavResource]
    sync_token: str = ""


def sync_report(token: str) -> str:
    """The request for what has changed since ``token``; empty: for everything."""
    return (
        f"<d:sync-collection {_NAMESPACES}><d:sync-token>{escape(token)}</d:sync-token><d:sync-level>1</d:sync-level>"
        "<d:prop><d:getetag/></d:prop></d:sync-collection>"
    )


def multiget_report(hrefs: list[str]) -> str:
    """The request for calendar objects."""
    wanted = "".join(f"<d:href>{escape(href)}</d:href>" for href in hrefs)
    return (
        f"<c:calendar-multiget {_NAMESPACES}><d:prop><d:getetag/><c:calendar-data/></d:prop>{wanted}"
        "</c:calendar-multiget>"
    )


class _NoDoctype(ElementTree.TreeBuilder):
    """Refuses a document type before any of its entities is read, in whatever encoding."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Called where the document type begins."""
        raise DavAnswerError("the answer has a document type")


def parse_multistatus(body: bytes) -> DavAnswer:
    """Read a multistatus answer. Takes up to some seconds of processor time for a large one: call it in a thread.

    Raises:
        DavAnswerError: it is none. A document type is refused: its entities could grow without end.
    """
    try:
        root = ElementTree.fromstring(body, ElementTree.XMLParser(target=_NoDoctype()))
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the last two: an encoding that nobody knows
        raise DavAnswerError(f"the answer is not XML: {error}") from None
    if root.tag != f"{_DAV}multistatus":
        raise DavAnswerError("the answer is not a multistatus")
    return DavAnswer([_resource(each) for each in root.iter(f"{_DAV}response")], _text(root, f"{_DAV}sync-token"))


def _resource(element: ElementTree.Element) -> DavResource:
    found = DavResource(_text(element, f"{_DAV}href"), _status(_text(element, f"{_DAV}status")))
    for propstat in element.iter(f"{_DAV}propstat"):
        properties = propstat.find(f"{_DAV}prop")
        if properties is None or _status(_text(propstat, f"{_DAV}status")) != 200:
            continue
        found.etag = _text(properties, f"{_DAV}getetag") or found.etag
        found.name = _text(properties, f"{_DAV}displayname") or found.name
        found.data = _text(properties, f"{_CAL}calendar-data") or found.data
        found.principal = _text(properties, f"{_DAV}current-user-principal/{_DAV}href") or found.principal
        found.homes += [each.text or "" for each in properties.findall(f"{_CAL}calendar-home-set/{_DAV}href")]
        for kind in properties.findall(f"{_DAV}resourcetype/*"):
            found.kinds.add(kind.tag.rpartition("}")[2])
        for component in properties.findall(f"{_CAL}supported-calendar-component-set/{_CAL}comp"):
            found.components.add(component.get("name", "").upper())
    return found


def _text(element: ElementTree.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _status(line: str) -> int:
    """The number in a status line, such as ``HTTP/1.1 404 Not Found``; 200 where there is none."""
    parts = line.split()
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 200

"""Reads the document behind a web address that a person has given."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from llmagent_os.adapter_kit.files import safe_name
from llmagent_os.adapter_kit.guarded_http import AddressError, GuardedHttp, Response
from llmagent_os.knowledge.document_readers import ReadDocument, UnreadableError
from llmagent_os.knowledge.reading import read_apart
from llmagent_os.languages import gettext

#: The largest answer of a server, in bytes.
MAX_BYTES = 20_000_000


async def read_link(address: str, *, allow_private: bool = False, reader: str = "") -> ReadDocument:
    """Fetch an address and read what is there.

    Args:
        address: as the person wrote it.
        allow_private: also read addresses of this machine and of its network.
        reader: the account that it is read for.

    Raises:
        UnreadableError: it cannot be fetched, or not be read.
    """
    try:
        async with GuardedHttp(allow_private=allow_private, seconds=30.0, max_bytes=MAX_BYTES) as http:
            answer = await http.request("GET", address, headers={"Accept": "text/html, */*;q=0.5"})
    except AddressError as error:
        raise UnreadableError(str(error)) from error
    if answer.status != 200:
        raise UnreadableError(gettext("the server answers {status} in place of a page", status=answer.status))
    name = _name(answer)
    media = answer.headers.get("content-type", "text/html")
    found = await read_apart(answer.body, name=name, content_type=media, reader=reader)
    return ReadDocument(address, found.sections) if found.title == name else found


def _name(answer: Response) -> str:
    """The name of a fetched file. It has the ending by which it is read, if the server names no type."""
    header = EmailMessage()
    header["content-disposition"] = answer.headers.get("content-disposition", "")
    path = unquote(PurePosixPath(urlsplit(answer.url).path).name)
    media = answer.headers.get("content-type", "text/html").partition(";")[0].strip().lower()
    if media == "text/html":
        path = f"{PurePosixPath(path).stem}.html"
    return safe_name(str(header.get_filename() or path or "page.html"))

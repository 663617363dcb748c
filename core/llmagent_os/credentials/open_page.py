"""A page that is open: on it one person gives one credential, once."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

import msgspec

from llmagent_os.events import Conversation, Sender

#: How long a page on which a credential is given can be used.
PAGE_TIME = timedelta(minutes=15)


class OpenPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page on which one person gives one credential, once."""

    plugin: str
    name: str  #: of the credential
    until: datetime
    verifier: str = ""  #: of PKCE, for a sign-in that comes back to the page
    browser: str = ""  #: the cookie of the browser that opened the page, for a sign-in
    conversation: Conversation | None = None  #: in which a sign-in was begun, and is confirmed; None: a form
    sender: Sender | None = None  #: who began a sign-in; None: a form
    is_used: bool = False  #: a sign-in came back, and the server is asked for the tokens


def page_key(token: str) -> str:
    """The key of the record of a page. It holds the hash of the secret, so that records give nobody the address."""
    return f"page:{sha256(token.encode()).hexdigest()}"

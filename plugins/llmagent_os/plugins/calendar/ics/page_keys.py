"""The keys of records by which a page is found from the secret in its address."""

from __future__ import annotations

import hashlib


def page_key(token: str) -> str:
    """The key of the record of a page. It holds the hash of the secret, so that records give nobody the address."""
    return f"page:{hashlib.sha256(token.encode()).hexdigest()}"

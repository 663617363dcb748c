"""Binds a sign-in to the browser that opened its first page, so that nobody can be led to sign in for somebody else.

Without it, whoever sends others the address of the server's own page would get their tokens (RFC 9700, section 4.7).
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from secrets import compare_digest
from urllib.parse import urlsplit

from llmagent_os.adapter_kit.pages import PREFIX, PageRequest
from llmagent_os.credentials.open_page import PAGE_TIME, OpenPage, page_key


def browser_cookie(public_url: str, token: str, page: OpenPage) -> str:
    """The header ``Set-Cookie`` of the first page of a sign-in.

    Args:
        public_url: where pages are reached.
        token: the secret in the page's path.
        page: the page.
    """
    parts = urlsplit(public_url)
    secure = "; Secure" if parts.scheme == "https" else ""
    path, seconds = f"{parts.path.rstrip('/')}{PREFIX}", int(PAGE_TIME.total_seconds())
    # Lax: the browser comes back from another site.
    return f"{_name(token)}={page.browser}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def comes_from_browser(request: PageRequest, token: str, page: OpenPage) -> bool:
    """Whether ``request`` has the cookie of the first page."""
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(_name(token))
    except CookieError:
        return False
    return found is not None and bool(page.browser) and compare_digest(found.value.encode(), page.browser.encode())


def _name(token: str) -> str:
    """The cookie's name. Sign-ins at the same time have one each."""
    return f"sign_in_{page_key(token)[5:17]}"

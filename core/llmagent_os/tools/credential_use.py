"""Credentials in a call: what is said where one is missing or refused, and what of them is masked in a result."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import quote, quote_plus

import msgspec

from llmagent_os.adapter import Button
from llmagent_os.credentials.credential import Credential, CredentialError, GivenCredential
from llmagent_os.languages import gettext, translated
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.plugin import ToolResult
from llmagent_os.tools.result_statuses import NO_CREDENTIAL

#: Begins the value of a button that asks for a credential; the plugin and the credential's name follow.
GIVE = "agent:credentials:give:"

#: Stands for a credential in a text.
HIDDEN = "•••"

#: A shorter secret would be found in any text.
MIN_SECRET_CHARACTERS = 4


def lack_notice(plugin: str, credential: Credential, error: CredentialError) -> ToolResult:
    """What the person reads in place of the result of a call that lacks a credential."""
    title = f"{translated(credential.title)}: {error.why}" if error.why else translated(credential.title)
    how = credential.command or f"/credentials add {credential.name}"
    data = {"status": NO_CREDENTIAL, "credential": credential.name, "lack": error.lack}
    if error.lack == "unreachable":
        text = gettext("At the moment I cannot sign in to {title}. Please try again later.", title=title)
        return ToolResult(data, text, word_for_word=True)
    if error.lack == "refused":
        text = gettext(
            "I am no longer let in to {title}. Please sign in again with {command}.", title=title, command=how
        )
        label = gettext("Sign in again")
    else:
        needed = gettext("For that I need to sign in to {title}.", title=translated(credential.title))
        begin = gettext("Please begin with {command}.", command=how)
        text = join_sentences([needed, translated(credential.about), begin])
        label = gettext("Sign in")
    return ToolResult(data, text, buttons=(Button(label, f"{GIVE}{plugin}.{credential.name}"),), word_for_word=True)


def scrubbed_result(result: ToolResult, used: Iterable[GivenCredential]) -> ToolResult:
    """``result`` with every credential masked, wherever it stands."""
    forms = _forms(used)
    if not forms:
        return result
    fields = {name: _scrubbed(value, forms) for name, value in msgspec.structs.asdict(result).items()}
    return msgspec.structs.replace(result, **fields)


def scrubbed_text(text: str, used: Iterable[GivenCredential]) -> str:
    """``text`` with every credential masked.

    >>> scrubbed_text("GET /?key=s3cr3t%21", [GivenCredential(secret="s3cr3t!")])
    'GET /?key=•••'
    """
    for form in _forms(used):
        text = text.replace(form, HIDDEN)
    return text


def _forms(used: Iterable[GivenCredential]) -> list[str]:
    """Every way in which a credential is written: as it is, in an address, and in a header of Basic authentication."""
    found: set[str] = set()
    for each in used:
        if len(each.secret) >= MIN_SECRET_CHARACTERS:
            both = f"{each.user}:{each.secret}".encode()
            found |= {each.secret, quote(each.secret, safe=""), quote_plus(each.secret)}
            found |= {base64.b64encode(both).decode(), base64.b64encode(each.secret.encode()).decode()}
    return sorted(found, key=len, reverse=True)


def _scrubbed(value: object, forms: list[str]) -> Any:
    match value:
        case str():
            for form in forms:
                value = value.replace(form, HIDDEN)
            return value
        case dict():
            items = cast("dict[object, object]", value).items()
            return {_scrubbed(key, forms): _scrubbed(each, forms) for key, each in items}
        case list():
            return [_scrubbed(each, forms) for each in cast("list[object]", value)]
        case tuple():
            return tuple(_scrubbed(each, forms) for each in cast("tuple[object, ...]", value))
        case msgspec.Struct():
            fields = {name: _scrubbed(each, forms) for name, each in msgspec.structs.asdict(value).items()}
            return msgspec.structs.replace(value, **fields)
        case _:
            return value

"""Checks vLLM servers for ``llmagent-os doctor`` and ``llmagent-os security audit``. Loads no LoRA."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit, urlunsplit

from llmagent_os.admin.findings import Finding
from llmagent_os.admin.open_doors import is_loopback
from llmagent_os.bot import SERVER, Bot
from llmagent_os.config import PREFIX, Settings
from llmagent_os.config.settings import OPENAI_HOST, host_of
from llmagent_os.errors import ModelError
from llmagent_os.serving.lora_management import HOW_TO_START, LoraManagement, ServedModel

_GUARD = (
    "start vLLM with --host 127.0.0.1, or behind a firewall with --api-key: whoever reaches that port can have it read "
    "any folder as a LoRA"
)


async def check_vllm(settings: Settings, bot: Bot) -> AsyncIterator[Finding]:
    """Check that vLLM servers take the bot's LoRAs, and have the model that these are trained on. Passes over others.

    Args:
        settings: of the installation.
        bot: whose servers are checked.
    """
    name = settings.model or bot.config.model
    if not name.startswith(SERVER) or settings.server_kind == "openai":
        return
    for url in settings.server_urls:
        if host_of(url) == OPENAI_HOST:
            continue
        management = LoraManagement(url, settings.api_key.get_secret_value())
        try:
            models = await management.models()
            if settings.server_kind != "vllm" and not any(model.owned_by == "vllm" for model in models):
                if settings.served_model:
                    text = f"{url} is not vLLM: it is given no LoRAs, and does not tell how its replies were drawn"
                    yield Finding("model", "note", text)
                continue
            async for finding in _check_server(settings, management, models, name.removeprefix(SERVER)):
                yield finding
        except ModelError:  # the check of the model says so: it asks every server whether it has the model
            continue


async def _check_server(
    settings: Settings, management: LoraManagement, models: Sequence[ServedModel], name: str
) -> AsyncIterator[Finding]:
    url, served = management.url, settings.served_model
    if not served:
        text = f"{url} is vLLM, and {PREFIX}SERVED_MODEL does not say which model it has: it is given no LoRAs"
        yield Finding("model", "note", text)
        return
    root = next((model.root for model in models if model.id == name), None) or ""
    if root and _last(root) != _last(served):
        text = f"{url} says that it serves {root}, and {PREFIX}SERVED_MODEL is {served}"
        yield Finding("model", "note", f"{text}: LoRAs of another model make every reply nonsense, so compare the two")
    can_load = await management.can_load()
    if not can_load:
        yield Finding("model", "problem", f"{url} does not load LoRAs at run time", HOW_TO_START)
    else:
        loaded = sum(model.parent is not None for model in models)
        yield Finding("model", "ok", f"{url} is vLLM and loads LoRAs at run time; {loaded} are loaded")
    if not await management.tells_drawn_logprobs(name):
        text = f"{url} tells the model's own log-probabilities: replies are learned from at temperature 1 without min_p"
        yield Finding("model", "note", f"{text}, and at any with --logprobs-mode processed_logprobs")


async def check_management_ports(settings: Settings) -> list[Finding]:
    """Check that nobody else on the network can load and unload LoRAs on the model's servers."""
    if settings.server_kind == "openai":
        return []
    addresses = list[str]()
    for url in settings.server_urls:
        host = urlsplit(url).hostname or ""
        # vLLM listens on every address unless it is told otherwise: one on this machine is looked for from outside.
        addresses += await asyncio.to_thread(_other_addresses, url) if is_loopback(host) else [url]
    found = await asyncio.gather(*map(_is_open, addresses))
    return [_open_port(url) for url, is_open in zip(addresses, found, strict=True) if is_open]


def _open_port(url: str) -> Finding:
    return Finding("doors", "problem", f"{url} loads and unloads LoRAs for whoever reaches it, without a key", _GUARD)


async def _is_open(url: str) -> bool:
    """Whether a server loads LoRAs for those who have no key."""
    try:
        return bool(await LoraManagement(url).can_load())
    except ModelError:
        return False


def _other_addresses(url: str) -> list[str]:
    """The same port at the addresses that other machines know this one by."""
    parts = urlsplit(url)
    try:
        known = {str(each[4][0]) for each in socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)}
    except OSError:
        known = set[str]()
    known |= _routed()
    hosts = [f"[{host}]" if ":" in host else host for host in sorted(known) if _is_outside(host)]
    return [urlunsplit(parts._replace(netloc=f"{host}:{parts.port or 80}")) for host in hosts]


def _routed() -> set[str]:
    """The address from which this machine would speak to others. Nothing is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.connect(("192.0.2.1", 9))  # reserved for documentation: RFC 5737
            return {str(asked.getsockname()[0])}
    except OSError:
        return set()


def _is_outside(host: str) -> bool:
    address = ipaddress.ip_address(host.partition("%")[0])
    return not (address.is_loopback or address.is_unspecified or address.is_link_local)


def _last(name: str) -> str:
    """The last part of a path or hub id, without a revision."""
    return name.rstrip("/").rpartition("/")[2].partition("@")[0].casefold()

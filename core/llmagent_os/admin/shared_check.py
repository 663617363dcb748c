"""What ``llmagent-os doctor`` says of what another host on the same database does not see."""

from __future__ import annotations

from collections.abc import Iterator

from llmagent_os.adapter_kit.files import FOLDER
from llmagent_os.adapter_kit.outgoing_files import OUTGOING_FOLDER
from llmagent_os.admin.findings import Finding
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.knowledge.scopes import KNOWLEDGE_FOLDER
from llmagent_os.ledger.location import locate

#: The folder of the bots' own documents, inside that of all knowledge.
BOTS = "bots"


def check_shared(settings: Settings) -> Iterator[Finding]:
    """What this machine alone has, where the ledger is on a server and several hosts may use it."""
    try:
        if not locate(settings.ledger_url).on_server:
            return
    except ConfigError:  # the check of the ledger says so
        return
    bases = (settings.data / KNOWLEDGE_FOLDER).glob("*/*.db")
    taught = sum(base.parent.name != BOTS for base in bases)  # each host has the bot's own documents
    if taught:
        text = (
            f"what people taught is in {taught} files in {settings.data / KNOWLEDGE_FOLDER}: other hosts do not find it"
        )
        yield Finding("hosts", "note", text, "run one host where people teach the bot, or give documents to every host")
    folders = sorted({*settings.data.glob(f"*/{FOLDER}"), *settings.data.glob(OUTGOING_FOLDER)})
    if folders:
        text = f"files of people are in {', '.join(map(str, folders))}: other hosts find them where they mount the same"
        yield Finding("hosts", "note", text, "mount these folders on every host at the same path, or run one host")

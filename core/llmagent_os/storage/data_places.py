"""What of a data folder belongs into a backup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llmagent_os.adapter_kit.files import FOLDER as RECEIVED_FOLDER
from llmagent_os.adapter_kit.outgoing_files import OUTGOING_FOLDER
from llmagent_os.adapter_kit.person_secrets import SECRETS_FOLDER
from llmagent_os.knowledge.scopes import KNOWLEDGE_FOLDER
from llmagent_os.privacy.profile_store import PROFILES_FOLDER
from llmagent_os.sealing.mounts import KEYS_FOLDER
from llmagent_os.tools.plugin_choice import PLUGINS_FOLDER
from llmagent_os.training.lora_folder import LORAS_FOLDER

#: The web chat's transcript.
TRANSCRIPT = "web/web.db"

#: Small, and lost for ever without a backup: what people are called and gave, what they taught, what admins chose.
ALWAYS = (PROFILES_FOLDER, SECRETS_FOLDER, KNOWLEDGE_FOLDER, PLUGINS_FOLDER, TRANSCRIPT)

#: Large: the versions of LoRAs, and files that people sent and were given.
LARGE = (LORAS_FOLDER, OUTGOING_FOLDER, f"*/{RECEIVED_FOLDER}")

#: Parts of files, and locks: nobody needs them.
_PASSING = (".lock", ".part", ".new", ".host", "-wal", "-shm", "-journal")


def files_to_keep(data: Path, *, with_keys: bool, with_files: bool) -> Iterator[Path]:
    """The files of a data folder that a backup holds, relative to it, in a fixed order. Links are left out."""
    places = [*ALWAYS, *((KEYS_FOLDER,) if with_keys else ()), *(LARGE if with_files else ())]
    for place in places:
        for found in sorted(data.glob(place)):
            for file in sorted(found.rglob("*")) if found.is_dir() else [found]:
                if file.is_file() and not file.is_symlink() and not file.name.endswith(_PASSING):
                    yield file.relative_to(data)


def is_known(name: str) -> bool:
    """Whether a file of an archive may lie at ``name`` in a data folder.

    >>> is_known("profiles/slack/a.json"), is_known("telegram/files/a/b"), is_known("ledger.db"), is_known(".env")
    (True, True, False, False)
    """
    first, *others = Path(name).parts
    folders: tuple[str, ...] = (*ALWAYS, KEYS_FOLDER, LORAS_FOLDER, OUTGOING_FOLDER)
    return name == TRANSCRIPT or first in folders or (len(others) > 1 and others[0] == RECEIVED_FOLDER)


def place_of(name: str) -> str:
    """The place of a data folder that a file of an archive belongs to: what is replaced whole."""
    first, *others = Path(name).parts
    if name == TRANSCRIPT:
        return TRANSCRIPT
    return f"{first}/{RECEIVED_FOLDER}" if len(others) > 1 and others[0] == RECEIVED_FOLDER else first

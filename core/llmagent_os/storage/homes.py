"""The registry of what has two homes: files beside an SQLite ledger, rows of a PostgreSQL ledger."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llmagent_os.storage.file_homes import DamagedProfileHome, FileHome, KeyHome, ProfileHome, SecretHome
from llmagent_os.storage.transcript_home import transcript_homes

_ALL: tuple[FileHome, ...] = (ProfileHome(), DamagedProfileHome(), SecretHome(), KeyHome(), *transcript_homes())

#: By table.
HOMES: Mapping[str, FileHome] = MappingProxyType({home.table: home for home in _ALL})

#: What is replaced whole when the files are written anew: ``profiles`` has the damaged ones in it.
PLACES = frozenset(home.place for home in _ALL if not home.place.startswith("profiles/"))

"""Where an installation keeps what lies beside its ledger: in files of its machine, or in rows that hosts share.

The URL of the ledger decides. With SQLite one machine runs the bot, and profiles and secrets are files of its data
folder. With PostgreSQL several hosts may, and these are rows there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from llmagent_os.adapter_kit.person_secrets import SECRETS_FOLDER, SecretFiles, SecretPlace
from llmagent_os.adapter_kit.secret_rows import SecretRows
from llmagent_os.ledger.announcements import Announcements
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.people.profile_rows import ProfileRows
from llmagent_os.people.profiles import PREFERENCES, Profiles
from llmagent_os.privacy.profile_store import PROFILES_FOLDER


class KeptPlaces:
    """The places of one installation. Nothing is opened before it is used."""

    def __init__(self, url: str, data: Path, announcements: Announcements | None = None) -> None:
        """Args:
        url: of the ledger.
        data: the data folder.
        announcements: by which a host hears what others change; None: new ones.

        Raises:
            ConfigError: ``url`` names no ledger.
        """
        self.data = data
        self.shared = SharedRows.of(url)  #: the shared tables; None: this machine keeps files
        self.announcements = announcements or Announcements()  #: whoever hears of changes elsewhere says them here

    def profiles(self, preferences: Mapping[str, Collection[str]] = PREFERENCES) -> Profiles:
        """The profiles of all people.

        Args:
            preferences: those that can be changed one by one, and their values.
        """
        if self.shared is None:
            return Profiles(self.data / PROFILES_FOLDER, preferences)
        return Profiles(ProfileRows(self.shared, data=self.data, announcements=self.announcements), preferences)

    @property
    def secrets(self) -> SecretPlace:
        """The secrets of all people."""
        if self.shared is None:
            return SecretFiles(self.data / SECRETS_FOLDER)
        return SecretRows(self.shared, self.data)

    def close(self) -> None:
        """Close the connections to the database, if there are any."""
        if self.shared is not None:
            self.shared.close()

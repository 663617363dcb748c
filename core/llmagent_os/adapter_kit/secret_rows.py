"""Keeps the secrets of all people as rows of the database that several hosts share."""

from __future__ import annotations

import time
from pathlib import Path

import sqlalchemy as sa

from llmagent_os.adapter_kit.files import safe_name
from llmagent_os.adapter_kit.person_secrets import TYPED
from llmagent_os.identity import PersonId
from llmagent_os.ledger.portable import upsert
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.ledger.shared_tables import secrets
from llmagent_os.sealing.key_ring import is_sealed
from llmagent_os.sealing.mounts import ring_of


class SecretRows:
    """The rows of all people. The methods block."""

    def __init__(self, shared: SharedRows, data: Path | None = None) -> None:
        """Args:
        shared: the database.
        data: the data folder, whose key ring seals the rows; None: they are not sealed.
        """
        self._shared, self._data = shared, data

    @property
    def place(self) -> str:
        """Where the secrets are, for people."""
        return f"the table secrets of {self._shared.place}"

    def read(self, person_id: PersonId, name: str) -> str | None:
        """See :meth:`~llmagent_os.adapter_kit.person_secrets.SecretPlace.read`."""
        query = sa.select(secrets.c.value).where(_of(person_id, name))
        value: bytes | None = self._shared.read(lambda db: db.execute(query).scalar())
        if value is None:
            return None
        ring = ring_of(self._data)
        return (ring.open(value) if ring is not None and is_sealed(value) else value).decode()

    def write(self, person_id: PersonId, name: str, secret: str) -> None:
        """See :meth:`~llmagent_os.adapter_kit.person_secrets.SecretPlace.write`."""
        ring, raw = ring_of(self._data), secret.encode()
        row = {
            "person_id": person_id,
            "name": safe_name(name),
            "value": raw if ring is None else ring.seal(person_id, raw),
            "at": time.time(),
        }

        self._shared.run(lambda db: db.execute(upsert(secrets).values(**row)))

    def delete(self, person_id: PersonId, name: str) -> None:
        """See :meth:`~llmagent_os.adapter_kit.person_secrets.SecretPlace.delete`."""
        self._shared.run(lambda db: db.execute(secrets.delete().where(_of(person_id, name))))

    def names(self, person_id: PersonId) -> list[str]:
        """See :meth:`~llmagent_os.adapter_kit.person_secrets.SecretPlace.names`."""
        query = sa.select(secrets.c.name).where(secrets.c.person_id == person_id).order_by(secrets.c.name)
        return self._shared.read(lambda db: list(db.execute(query).scalars()))

    def erase(self, person_id: PersonId) -> int:
        """See :meth:`~llmagent_os.adapter_kit.person_secrets.SecretPlace.erase`."""
        theirs = secrets.delete().where(secrets.c.person_id == person_id)
        return self._shared.run(lambda db: db.execute(theirs).rowcount)

    def erase_typed(self, before: float) -> int:
        """See :meth:`~llmagent_os.adapter_kit.person_secrets.SecretPlace.erase_typed`."""

        def work(db: sa.Connection) -> int:
            old = sa.and_(secrets.c.name.like("typed.%"), secrets.c.at < before)
            columns = (secrets.c.person_id, secrets.c.name)
            found = [row for row in db.execute(sa.select(*columns).where(old)) if TYPED.fullmatch(row.name)]
            for row in found:
                db.execute(secrets.delete().where(_of(row.person_id, row.name)))
            return len(found)

        return self._shared.run(work)

    def accounts(self) -> int:
        """See :meth:`~llmagent_os.adapter_kit.person_secrets.SecretPlace.accounts`."""
        query = sa.select(sa.func.count(secrets.c.person_id.distinct()))
        return self._shared.read(lambda db: int(db.execute(query).scalar_one()))


def _of(person_id: PersonId, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(secrets.c.person_id == person_id, secrets.c.name == safe_name(name))

"""Keeps profiles as rows of the database that several hosts share.

A row holds the same TinyDB document as a person's file would. A change replaces the row only while its ``version`` is
the one that was read; else it is made again, from the new one. What was read stays in memory while this host hears of
the changes of others.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog

from llmagent_os.errors import LedgerError, ProfileError
from llmagent_os.identity import PersonId
from llmagent_os.ledger.announcements import PROFILES, Announcements
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.ledger.shared_tables import damaged_profiles, profiles
from llmagent_os.people.damaged_profiles import DamagedProfileError, readable_profile
from llmagent_os.people.person_profile import Profile
from llmagent_os.people.profile_document import DOCUMENT, TABLE, Change, Held, fields_of, held_in, no_zone, tables_in
from llmagent_os.people.time_zones import is_known
from llmagent_os.privacy.consent import SWITCHES
from llmagent_os.sealing.key_ring import KeyRing, SealedError, is_sealed
from llmagent_os.sealing.mounts import ring_of

T = TypeVar("T")

_log = structlog.stdlib.get_logger(__name__)

#: Most profiles that are kept in memory.
MAX_CACHED = 10_000


class ProfileRows:
    """The rows of all people."""

    def __init__(
        self, shared: SharedRows, *, data: Path | None = None, announcements: Announcements | None = None
    ) -> None:
        """Args:
        shared: the database.
        data: the data folder, whose key ring seals the rows; None: they are not sealed.
        announcements: by which this host hears of changes. None: it does not, and reads every profile anew.
        """
        self._shared, self._data, self._announcements = shared, data, announcements
        self._cache = dict[PersonId, Held]()
        self._heard = 0  # how often something was dropped from the cache: what was read before may be old
        self._lock = Lock()
        self._logged = set[str]()
        if announcements is not None:
            announcements.listen(PROFILES, self._hear)

    # ── what is in memory ─────────────────────────────────────────────────────────────────────────────────────────

    def cached(self, person_id: PersonId) -> Held | None:
        """See :meth:`ProfileDocuments.cached`. Nothing is, unless other hosts say what they change."""
        return self._cache.get(person_id) if self._hears_others else None

    def forget_cached(self, person_id: PersonId | None = None) -> None:
        """See :meth:`ProfileDocuments.forget_cached`."""
        with self._lock:
            self._heard += 1
            if person_id is None:
                self._cache.clear()
            else:
                self._cache.pop(person_id, None)

    def _hear(self, name: str | None) -> None:
        self.forget_cached(None if name is None else PersonId(name))

    @property
    def _hears_others(self) -> bool:
        return self._announcements is not None and self._announcements.hears_others

    def _remember(self, person_id: PersonId, held: Held, heard: int) -> None:
        with self._lock:
            if heard == self._heard and self._hears_others:
                if len(self._cache) >= MAX_CACHED:
                    self._cache.clear()
                self._cache[person_id] = held

    # ── documents ─────────────────────────────────────────────────────────────────────────────────────────────────

    def usable(self, person_id: PersonId) -> Held:
        """See :meth:`ProfileDocuments.usable`. Where the database cannot be read, nobody is learned from."""
        heard = self._heard
        try:
            try:
                held = self._read(person_id)
            except DamagedProfileError:
                return self.change(person_id, lambda _: None)
        except (LedgerError, ProfileError) as error:
            self._log_once(person_id, f"the profile cannot be read: {error}")
            # Whether the person opted out of learning is not known.
            return Held(Profile(user_id=person_id, preferences=dict.fromkeys(SWITCHES, "off")))
        zone = held.profile.time_zone
        if zone is not None and not is_known(zone):
            self._log_once(person_id, no_zone(zone))
        self._remember(person_id, held, heard)
        return held

    def exists(self, person_id: PersonId) -> bool:
        """See :meth:`ProfileDocuments.exists`."""
        query = sa.select(profiles.c.version).where(profiles.c.person_id == _id(person_id))
        return self._run(person_id, lambda db: db.execute(query).first() is not None)

    def change(self, person_id: PersonId, change: Change) -> Held:
        """See :meth:`ProfileDocuments.change`."""

        def work(db: sa.Connection) -> Held | None:
            query = sa.select(profiles.c.version, profiles.c.body).where(profiles.c.person_id == _id(person_id))
            row = db.execute(query.with_for_update()).first()  # who comes second waits, rather than tries in vain
            try:
                held = Held(Profile(user_id=person_id)) if row is None else self._held(person_id, row.body)
            except DamagedProfileError as error:
                held = self._put_aside(db, person_id, error)
                row = None
                kept = change(held) or (held if held.is_worth_keeping else None)
            else:
                kept = change(held)
            if kept is None:
                return held
            version = 0 if row is None else row.version
            return kept if self._write(db, person_id, kept, version) else None

        kept = None
        while kept is None:  # the row was changed or deleted meanwhile
            kept = self._run(person_id, work)
        self.forget_cached(person_id)
        return kept

    def forget(self, person_id: PersonId) -> bool:
        """See :meth:`ProfileDocuments.forget`."""

        def work(db: sa.Connection) -> bool:
            found = db.execute(profiles.delete().where(profiles.c.person_id == _id(person_id))).rowcount
            put_aside = [row.seq for row in self._damaged_of(db, person_id)]
            db.execute(damaged_profiles.delete().where(damaged_profiles.c.seq.in_(put_aside)))
            self._shared.announce(db, f"{PROFILES}/{person_id}")
            return bool(found or put_aside)

        found = self._run(person_id, work)
        self.forget_cached(person_id)
        return found

    def damaged(self, person_id: PersonId) -> list[dict[str, Any]]:
        """See :meth:`ProfileDocuments.damaged`."""

        def work(db: sa.Connection) -> list[dict[str, Any]]:
            rows = self._damaged_of(db, person_id)
            return [
                {"file": f"damaged_profiles/{row.seq}", "body": self._opened(row.body).decode("utf-8", "replace")}
                for row in rows
            ]

        return self._run(person_id, work)

    def problems(self) -> list[tuple[str, str]]:
        """See :meth:`ProfileDocuments.problems`."""

        def work(db: sa.Connection) -> list[tuple[str, str]]:
            found: list[tuple[str, str]] = []
            for row in db.execute(sa.select(profiles).order_by(profiles.c.person_id)):
                person_id = PersonId(row.person_id)
                try:
                    zone = self._held(person_id, row.body).profile.time_zone
                except DamagedProfileError as error:
                    found.append((_where(person_id), str(error)))
                    continue
                if zone is not None and not is_known(zone):
                    found.append((_where(person_id), no_zone(zone)))
            columns = (damaged_profiles.c.seq, damaged_profiles.c.person_id)
            for row in db.execute(sa.select(*columns).order_by(damaged_profiles.c.seq)):
                found += [(f"row {row.seq} of damaged_profiles", f"of {row.person_id}: damaged, and put aside")]
            return found

        return self._shared.run(work)

    def count(self) -> int:
        """See :meth:`ProfileDocuments.count`."""
        query = sa.select(sa.func.count()).select_from(profiles)
        return self._shared.read(lambda db: int(db.execute(query).scalar_one()))

    # ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, person_id: PersonId) -> Held:
        query = sa.select(profiles.c.body).where(profiles.c.person_id == _id(person_id))
        body = self._shared.read(lambda db: db.execute(query).scalar())
        return Held(Profile(user_id=person_id)) if body is None else self._held(person_id, body)

    def _held(self, person_id: PersonId, body: bytes) -> Held:
        where = _where(person_id)
        try:
            raw = self._ring_opens(body)
        except SealedError as error:
            raise DamagedProfileError(f"{where} cannot be opened: {error}") from error
        return held_in(tables_in(raw, where).get(TABLE, {}).get(str(DOCUMENT)), person_id, where)

    def _put_aside(self, db: sa.Connection, person_id: PersonId, why: DamagedProfileError) -> Held:
        """Move a damaged row into the other table. Returns what can be read of it."""
        theirs = profiles.c.person_id == person_id
        body: bytes = db.execute(sa.select(profiles.c.body).where(theirs)).scalar_one()
        row = {"person_id": person_id, "body": body, "why": str(why), "found_at": time.time()}
        db.execute(damaged_profiles.insert().values(**row))
        db.execute(profiles.delete().where(theirs))
        self._shared.announce(db, f"{PROFILES}/{person_id}")
        self._log_once(person_id, f"put aside; what could be read of it is kept: {why}")
        return Held(readable_profile(Profile(user_id=person_id), person_id, self._as_far_as_opened(body)))

    def _write(self, db: sa.Connection, person_id: PersonId, held: Held, version: int) -> bool:
        """Write what is kept, and tell all hosts.

        Args:
            db: inside the transaction.
            person_id: the person.
            held: what is kept from now on.
            version: of the row that was read; 0: there was none.

        Returns:
            False: the row has another version by now, and nothing is written.
        """
        raw = json.dumps({TABLE: {str(DOCUMENT): fields_of(held)}}, ensure_ascii=False).encode()
        ring = self._ring
        values = {"version": version + 1, "body": raw if ring is None else ring.seal(person_id, raw)}
        if version:
            same = sa.and_(profiles.c.person_id == person_id, profiles.c.version == version)
            if not db.execute(profiles.update().where(same).values(**values)).rowcount:
                return False
        else:  # another host may add it at this moment: the transaction is run again then
            db.execute(profiles.insert().values(person_id=person_id, **values))
        self._shared.announce(db, f"{PROFILES}/{person_id}")
        return True

    def _damaged_of(self, db: sa.Connection, person_id: PersonId) -> list[sa.Row[Any]]:
        """What was put aside of the person's, or names them: a row that was copied by hand."""
        own_id = json.dumps(person_id, ensure_ascii=False).encode()
        rows = db.execute(sa.select(damaged_profiles).order_by(damaged_profiles.c.seq)).all()
        return [row for row in rows if row.person_id == person_id or own_id in self._opened(row.body)]

    # ── sealing ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _ring(self) -> KeyRing | None:
        return ring_of(self._data)

    def _ring_opens(self, body: bytes) -> bytes:
        ring = self._ring
        return ring.open(body) if ring is not None and is_sealed(body) else body

    def _opened(self, body: bytes) -> bytes:
        """The content of a row; what cannot be opened, as it is."""
        with contextlib.suppress(SealedError):
            return self._ring_opens(body)
        return body

    def _as_far_as_opened(self, body: bytes) -> bytes:
        """What ``readable_profile`` reads. Of what cannot be opened, nobody knows whether the person opted out."""
        opened = self._opened(body)
        return b'"learning": "off"' if is_sealed(opened) else opened

    def _run(self, person_id: PersonId, work: Callable[[sa.Connection], T]) -> T:
        try:
            return self._shared.run(work)
        except LedgerError as error:
            raise ProfileError(f"the profile of {person_id} cannot be read or changed: {error}") from error

    def _log_once(self, person_id: PersonId, what: str) -> None:
        if (line := f"{person_id}: {what}") not in self._logged:
            self._logged.add(line)
            _log.error("something is wrong with a profile", person=person_id, problem=what)


def _id(person_id: PersonId) -> PersonId:
    if not person_id:
        raise ProfileError("a profile needs the id of a person, and it is empty")
    return person_id


def _where(person_id: PersonId) -> str:
    return f"the row of {person_id} in the table profiles"

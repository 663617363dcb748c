"""The ledger's migrations, run by Alembic from the installed package."""

"""What keeps the audit log as it is: SQL that refuses to delete a row, or to change what it says.

An erasure may put a pseudonym in the place of a person. That says no longer who it was, and still that it was done.
"""

from __future__ import annotations

from types import MappingProxyType

_REFUSED = "SELECT RAISE(ABORT, 'the audit log is only added to')"

#: By name.
TRIGGERS = MappingProxyType(
    {
        "audit_keeps_rows": f"CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit BEGIN {_REFUSED}; END",
        "audit_keeps_words": (
            "CREATE TRIGGER audit_keeps_words BEFORE UPDATE OF seq, at, role, action, detail ON audit "
            f"BEGIN {_REFUSED}; END"
        ),
        "audit_keeps_people": (
            "CREATE TRIGGER audit_keeps_people BEFORE UPDATE OF actor, subject ON audit "
            "WHEN (NEW.actor <> OLD.actor AND substr(NEW.actor, 1, 1) <> '~') "
            "OR (NEW.subject <> OLD.subject AND substr(NEW.subject, 1, 1) <> '~') "
            f"BEGIN {_REFUSED}; END"
        ),
    }
)

#: The same for PostgreSQL, in order.
POSTGRESQL_TRIGGERS = (
    "CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$",
    "CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuses()",
    "CREATE TRIGGER audit_keeps_table BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()",
    "CREATE TRIGGER audit_keeps_words BEFORE UPDATE OF seq, at, role, action, detail ON audit "
    "FOR EACH ROW EXECUTE FUNCTION audit_refuses()",
    "CREATE TRIGGER audit_keeps_people BEFORE UPDATE OF actor, subject ON audit FOR EACH ROW "
    "WHEN ((NEW.actor <> OLD.actor AND left(NEW.actor, 1) <> '~') "
    "OR (NEW.subject <> OLD.subject AND left(NEW.subject, 1) <> '~')) "
    "EXECUTE FUNCTION audit_refuses()",
)

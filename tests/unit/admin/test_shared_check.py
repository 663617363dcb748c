"""What breaks without this: a second host does not know what people taught, and nobody knows why."""

from __future__ import annotations

from pathlib import Path

from llmagent_os.admin.shared_check import check_shared
from llmagent_os.config import Settings
from llmagent_os.events import now
from llmagent_os.identity import Identity
from llmagent_os.knowledge.passages import Document, Section
from llmagent_os.knowledge.scopes import KNOWLEDGE_FOLDER, Scope, ScopedBases


def test_what_other_hosts_do_not_find_is_said(tmp_path: Path) -> None:
    bases = ScopedBases(tmp_path / KNOWLEDGE_FOLDER)
    base = bases.base(Scope("person", Identity("slack:T1:U1")))
    document = Document(document_id="d1", title="t", source="", trusted=False, added_by="", added_at=now(), digest="")
    base.put(document, [Section(text="The zeppelin.")])
    bases.close()
    (tmp_path / "slack" / "files" / "U1").mkdir(parents=True)
    alone = Settings.load(env_file=None, data=tmp_path)
    assert list(check_shared(alone)) == []
    shared = Settings.load(env_file=None, data=tmp_path, database_url="postgresql://bot@db/bots")
    taught, files = check_shared(shared)
    assert "taught is in 1 files" in taught.text and "slack/files" in files.text
    empty = Settings.load(env_file=None, data=tmp_path / "new", database_url="postgresql://bot@db/bots")
    assert list(check_shared(empty)) == []

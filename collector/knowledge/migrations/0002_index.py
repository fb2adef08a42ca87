"""The full-text index of `knowledge_entry`, kept by the database itself: FTS5 with triggers in SQLite, a generated
column in PostgreSQL. No extension is needed: the rows hold folded stems. Whoever lets Django make the table anew in
SQLite must make the triggers anew, too."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

COLUMNS = ("title", "keywords", "summary", "body", "staff")
_LIST = ", ".join(COLUMNS)
_NEW = ", ".join(f"new.{name}" for name in COLUMNS)
_OLD = ", ".join(f"old.{name}" for name in COLUMNS)
_REMOVE = f"INSERT INTO knowledge_fts(knowledge_fts, rowid, {_LIST}) VALUES ('delete', old.id, {_OLD});"
_ADD = f"INSERT INTO knowledge_fts(rowid, {_LIST}) VALUES (new.id, {_NEW});"
SQLITE = (
    f"CREATE VIRTUAL TABLE knowledge_fts USING fts5({_LIST}, content='knowledge_entry', content_rowid='id',"
    " tokenize='unicode61 remove_diacritics 0')",
    "CREATE VIRTUAL TABLE knowledge_word USING fts5vocab(knowledge_fts, 'row')",
    f"CREATE TRIGGER knowledge_entry_added AFTER INSERT ON knowledge_entry BEGIN {_ADD} END",
    f"CREATE TRIGGER knowledge_entry_gone AFTER DELETE ON knowledge_entry BEGIN {_REMOVE} END",
    f"CREATE TRIGGER knowledge_entry_changed AFTER UPDATE ON knowledge_entry BEGIN {_REMOVE} {_ADD} END",
)
SQLITE_BACK = (
    "DROP TRIGGER knowledge_entry_added",
    "DROP TRIGGER knowledge_entry_gone",
    "DROP TRIGGER knowledge_entry_changed",
    "DROP TABLE knowledge_word",
    "DROP TABLE knowledge_fts",
)
_WEIGHTS = {"title": "A", "keywords": "B", "summary": "C", "body": "C", "staff": "D"}
_VECTOR = " || ".join(f"setweight(to_tsvector('simple', {name}), '{w}')" for name, w in _WEIGHTS.items())
POSTGRESQL = (
    f"ALTER TABLE knowledge_entry ADD COLUMN document tsvector GENERATED ALWAYS AS ({_VECTOR}) STORED",
    "CREATE INDEX knowledge_entry_document ON knowledge_entry USING gin (document)",
    "CREATE TABLE knowledge_word (term text PRIMARY KEY)",
)
POSTGRESQL_BACK = ("DROP TABLE knowledge_word", "ALTER TABLE knowledge_entry DROP COLUMN document")


def make(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in SQLITE if editor.connection.vendor == "sqlite" else POSTGRESQL:
        editor.execute(statement)


def unmake(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in SQLITE_BACK if editor.connection.vendor == "sqlite" else POSTGRESQL_BACK:
        editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0001_initial")]
    operations = [migrations.RunPython(make, unmake)]

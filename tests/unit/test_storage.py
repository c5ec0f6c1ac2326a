"""Private SQLite files of a made-up schema: made, recognized, brought up to date, refused and removed."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import cloudai
from cloudai import storage
from cloudai.storage import ForeignFileError, Schema, VersionError
from tests.support.paths import ROOT
from tests.unit.batch.test_journal import as_nobody

NOTES = Schema(
    name="notebook",
    application=0x6E6F7465,
    version=1,
    statements=("CREATE TABLE notes (text TEXT)", "CREATE INDEX notes_text ON notes (text)"),
    layout=("auto_vacuum = INCREMENTAL",),
    pragmas=("journal_mode = WAL", "secure_delete = ON"),
)
LATER = replace(
    NOTES,
    version=3,
    statements=("CREATE TABLE notes (text TEXT, author TEXT, day TEXT)",),
    migrations={
        1: ("ALTER TABLE notes ADD COLUMN author TEXT", "UPDATE notes SET author = 'nobody'"),
        2: ("ALTER TABLE notes ADD COLUMN day TEXT",),
    },
)
OWNED = replace(NOTES, exclusive=True)

connect = partial(storage.connect, timeout=0.05)
Open = Callable[[Path, Schema], Any]
either_way = pytest.mark.parametrize(
    "open_file",
    [lambda path, schema: storage.open_or_make(path, schema, connect), lambda *of: storage.open_existing(*of, connect)],
    ids=["make", "existing"],
)
shared_and_owned = pytest.mark.parametrize("schema", [NOTES, OWNED], ids=["shared", "owned"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file that is not there yet, with a Korean name."""
    return tmp_path / "메모.sqlite"


def make(path: Path, schema: Schema = NOTES, text: str = "첫 메모") -> None:
    """Make a file with one note, and close it."""
    with closing(storage.open_or_make(path, schema, connect)) as db:
        db.execute("INSERT INTO notes (text) VALUES (?)", (text,))


def read(path: Path, sql: str = "SELECT text FROM notes") -> list[Any]:
    """Ask a file by plain SQLite."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def content(path: Path) -> dict[str, bytes]:
    """Return the content of each file in the folder, by its name."""
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}


@shared_and_owned
def test_a_new_file_is_made(schema: Schema, path: Path) -> None:
    """It has its tables, mark and layout, and every connection its pragmas; a Korean name is a name like others."""
    make(path, schema)
    with closing(storage.open_or_make(path, schema, connect)) as db:
        assert db.execute("PRAGMA secure_delete").fetchall() == [(1,)]
        assert db.execute("SELECT text FROM notes").fetchall() == [("첫 메모",)]
    assert read(path, "PRAGMA application_id") == [(schema.application,)]
    assert read(path, "PRAGMA user_version") == [(schema.version,)]
    assert read(path, "PRAGMA auto_vacuum") == [(2,)]
    assert read(path, "PRAGMA journal_mode") == [("wal",)]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@shared_and_owned
@pytest.mark.parametrize("is_there", [False, True])
def test_it_is_for_its_owner_alone(is_there: bool, schema: Schema, path: Path) -> None:
    """Mode 0600 and a folder of mode 0700, whatever the umask; the files beside it have the same mode."""
    path = path.parent / "폴더" / path.name
    before = os.umask(0)
    try:
        if is_there:
            path.parent.mkdir(mode=0o700)
            path.touch(0o644)
        with closing(storage.open_or_make(path, schema, connect, folder=True)) as db:
            db.execute("INSERT INTO notes VALUES ('a')")
            modes = {file.stat().st_mode & 0o777 for file in storage.files_of(path) if file.exists()}
    finally:
        os.umask(before)
    assert modes == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_is_made_only_where_it_is_asked_for(path: Path) -> None:
    """Without ``folder=True`` a folder that is not there is an error, and none is made."""
    with pytest.raises(FileNotFoundError):
        storage.open_or_make(path.parent / "없음" / "j", NOTES, connect)
    assert not list(path.parent.iterdir())


@shared_and_owned
def test_what_is_not_there_is_not_made_to_look_at_it(schema: Schema, path: Path) -> None:
    """No file and an empty one hold nothing: there is no connection, and not a byte is written."""
    assert storage.open_existing(path, schema, connect) is None
    assert not path.exists()
    path.touch()
    assert storage.open_existing(path, schema, connect) is None
    assert content(path) == {path.name: b""}


@either_way
@shared_and_owned
def test_the_same_version_is_opened_as_it_is(schema: Schema, open_file: Open, path: Path) -> None:
    """Its rows are there, and its tables are not made again."""
    make(path, schema)
    db = open_file(path, schema)
    assert db.execute("SELECT text FROM notes").fetchall() == [("첫 메모",)]
    db.close()


def test_a_file_of_ours_is_opened_while_another_process_writes(path: Path) -> None:
    """A shared file that needs no change asks for no lock: a reader does not wait for a writer."""
    make(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with closing(storage.open_or_make(path, NOTES, connect)) as db:
            assert db.execute("SELECT text FROM notes").fetchall() == [("첫 메모",)]


@either_way
@pytest.mark.parametrize("exclusive", [False, True])
def test_an_older_version_is_migrated(exclusive: bool, open_file: Open, path: Path) -> None:
    """Step by step from whatever version it is of, and once: its rows stay, and it is of the new version then."""
    schema = replace(LATER, exclusive=exclusive)
    make(path)
    for _ in range(2):
        db = open_file(path, schema)
        assert db.execute("SELECT text, author, day FROM notes").fetchall() == [("첫 메모", "nobody", None)]
        db.close()
    assert read(path, "PRAGMA user_version") == [(3,)]
    with pytest.raises(VersionError):
        open_file(path, NOTES)


@either_way
@pytest.mark.parametrize("exclusive", [False, True])
def test_a_migration_is_told_once(
    exclusive: bool, open_file: Open, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With the versions, and with what its steps have to say; a new file and one of today's version say nothing."""
    schema = replace(
        LATER,
        exclusive=exclusive,
        migrations={**LATER.migrations, 2: (*LATER.migrations[2], lambda _: "days are empty")},
    )
    make(path)
    for _ in range(2):
        open_file(path, schema).close()
    make(path.with_name("새 메모"), schema)
    assert [record.getMessage() for record in caplog.records] == [
        f"{path} was migrated from version 1 of the notebook to 3: what it holds is kept; days are empty"
    ]
    assert [record.name for record in caplog.records] == ["cloudai"]


@either_way
def test_what_a_migration_takes_out_is_gone_at_once(open_file: Open, path: Path) -> None:
    """Neither the file nor the log beside it has it, while the file is still open."""
    make(path, text="비밀 " * 9)
    schema = replace(LATER, migrations={**LATER.migrations, 2: ("UPDATE notes SET text = ''", *LATER.migrations[2])})
    with closing(open_file(path, schema)):
        assert not [name for name, data in content(path).items() if "비밀".encode() in data]


@either_way
@pytest.mark.parametrize("error", [ValueError, KeyError, TypeError, AttributeError])
def test_content_that_a_migration_cannot_read(error: type[Exception], open_file: Open, path: Path) -> None:
    """It is told as damage, without a word of it, and the file stays as it was."""

    def read_wrongly(_: Any) -> None:
        raise error("비밀")

    make(path)
    with pytest.raises(sqlite3.DatabaseError, match=rf"the content is malformed \({error.__name__}\)$") as told:
        open_file(path, replace(LATER, migrations={**LATER.migrations, 2: (read_wrongly,)}))
    assert storage.is_damaged(told.value)
    assert read(path, "PRAGMA user_version") == [(1,)]
    assert read(path, "SELECT * FROM notes") == [("첫 메모",)]


def test_a_new_file_needs_no_migration(path: Path) -> None:
    """It is made in its last version at once."""
    make(path, LATER)
    assert read(path, "SELECT text, author FROM notes") == [("첫 메모", None)]
    assert read(path, "PRAGMA user_version") == [(3,)]


@either_way
def test_a_migration_that_fails_changes_nothing(open_file: Open, path: Path) -> None:
    """All steps are one transaction: where one fails, the file is of its old version, with all its rows."""
    make(path)
    broken = replace(LATER, migrations={**LATER.migrations, 2: ("ALTER TABLE no_such_table ADD COLUMN day TEXT",)})
    with pytest.raises(sqlite3.OperationalError, match="no_such_table"):
        open_file(path, broken)
    assert read(path, "PRAGMA user_version") == [(1,)]
    assert read(path, "SELECT * FROM notes") == [("첫 메모",)]


def test_a_file_that_another_process_migrates_meanwhile(path: Path) -> None:
    """It is looked at again once the lock is there: no step is taken twice."""
    make(path)
    steps: list[str] = []

    class Watched(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql == "BEGIN IMMEDIATE":
                storage.open_or_make(path, LATER, connect).close()
            steps.append(sql)
            return super().execute(sql, *parameters)

    with closing(
        storage.open_or_make(path, LATER, lambda name: sqlite3.connect(name, isolation_level=None, factory=Watched))
    ):
        assert "BEGIN IMMEDIATE" in steps
        assert not [sql for sql in steps if sql.startswith("ALTER")]
    assert read(path, "SELECT author FROM notes") == [("nobody",)]


def owned_elsewhere(path: Path) -> bool:
    """Ask whether a file is in use while another connection has it to itself."""
    with closing(storage.open_existing(path, OWNED, connect)):
        return storage.is_in_use(path)


@shared_and_owned
def test_whether_a_file_is_in_use_is_asked_without_a_trace(schema: Schema, path: Path) -> None:
    """The answer is the same each time, and no file is changed, or made beside the one that is looked at."""
    make(path, schema)
    before = content(path)
    assert not storage.is_in_use(path)
    assert content(path) == before
    assert owned_elsewhere(path)
    assert content(path) == before


def test_the_log_of_a_killed_process_stays_as_it_is(path: Path) -> None:
    """A file whose process was killed is not in use, and what that has only written to the log is still there."""
    with closing(storage.open_or_make(path, OWNED, connect)) as db:
        db.execute("INSERT INTO notes (text) VALUES ('로그에만 있는 메모')")
        left = path.parent / "죽은" / path.name
        left.parent.mkdir()
        for file in path.parent.glob(f"{path.name}*"):
            shutil.copyfile(file, left.parent / file.name)
    before = content(left)
    assert set(before) == {path.name, f"{path.name}-wal"}
    assert not storage.is_in_use(left)
    assert content(left) == before
    assert read(left) == [("로그에만 있는 메모",)]


def set_version(path: Path, version: int) -> None:
    """Give a file another version."""
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")


@either_way
@shared_and_owned
@pytest.mark.parametrize("version", [2, 99, 0, -1])
def test_another_version_is_refused_unchanged(version: int, schema: Schema, open_file: Open, path: Path) -> None:
    """A newer version, and an older one from which no migration leads: the error says which, and not a byte changes."""
    make(path, schema)
    set_version(path, version)
    before = content(path)
    with pytest.raises(VersionError, match="not a notebook") as error:
        open_file(path, schema)
    assert error.value.version == version
    assert content(path) == before


def with_tables(path: Path) -> None:
    """Make a database of another program that says nothing of itself."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE notes (text)")
        db.commit()


def with_mark(path: Path) -> None:
    """Make a database of another program without a table yet."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA application_id = 77")


def with_version(path: Path) -> None:
    """Make a database of another program that has only counted its version."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 7")


@either_way
@shared_and_owned
@pytest.mark.parametrize("theirs", [with_tables, with_mark, with_version])
def test_the_file_of_another_program_is_left_as_it_is(
    theirs: Callable[[Path], None], schema: Schema, open_file: Open, path: Path
) -> None:
    """A file that is not ours by any sign raises the error, is not changed by a byte, and is not removed."""
    theirs(path)
    before = content(path)
    with pytest.raises(ForeignFileError, match="not a notebook of this cloudai") as error:
        open_file(path, schema)
    assert not storage.is_damaged(error.value)
    assert not storage.is_busy(error.value)
    assert not storage.remove_if_ours(path, schema)
    assert content(path) == before


@either_way
def test_a_file_of_another_kind_is_foreign(open_file: Open, path: Path) -> None:
    """A file of ours of one kind is not opened as one of another kind."""
    make(path)
    with pytest.raises(ForeignFileError):
        open_file(path, replace(NOTES, application=NOTES.application + 1))


@either_way
def test_what_is_no_database_is_left_as_it_is(open_file: Open, path: Path) -> None:
    """A text: the error says damage, for its mark cannot be read; it is not removed, because it bears none of ours."""
    path.write_bytes("그냥 글".encode() * 999)
    before = content(path)
    with pytest.raises(sqlite3.DatabaseError) as error:
        open_file(path, NOTES)
    assert storage.is_damaged(error.value)
    assert not storage.remove_if_ours(path, NOTES)
    assert content(path) == before


@either_way
@pytest.mark.parametrize("pragmas", [OWNED.pragmas, ()], ids=["with log", "without log"])
def test_a_busy_file(pragmas: tuple[str, ...], open_file: Open, path: Path) -> None:
    """Another connection has it to itself: the error says busy, not damage, and comes within the time to wait."""
    shared, owned = (replace(schema, pragmas=pragmas) for schema in (NOTES, OWNED))
    make(path, owned)
    with closing(storage.open_or_make(path, owned, connect)):
        for schema in (shared, owned):
            with pytest.raises(sqlite3.OperationalError) as error:
                open_file(path, schema)
            assert storage.is_busy(error.value)
            assert not storage.is_damaged(error.value)
    open_file(path, owned).close()


HOLDS = """
import sys
from pathlib import Path
from tests.unit.test_storage import OWNED, connect, storage
db = storage.open_or_make(Path(sys.argv[1]), OWNED, connect)
print("open", flush=True)
input()
"""


@pytest.mark.long
def test_a_killed_process_lets_its_file_go(path: Path) -> None:
    """An exclusive file is busy for other processes; once its owner is killed, the next one has it."""
    command = [sys.executable, "-c", HOLDS, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == "open\n"
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            storage.open_or_make(path, OWNED, connect)
        owner.kill()
        owner.wait()
    make(path, OWNED)
    assert read(path) == [("첫 메모",)]


@either_way
def test_a_damaged_file(open_file: Open, path: Path) -> None:
    """The error says damage, not busy; it is removed with the files beside it, because it bears our mark."""
    make(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    Path(f"{path}-wal").write_bytes(b"")
    with pytest.raises(sqlite3.DatabaseError) as error:
        open_file(path, NOTES)
    assert storage.is_damaged(error.value)
    assert not storage.is_busy(error.value)
    assert storage.remove_if_ours(path, NOTES)
    assert not content(path)


def test_a_newer_file_is_not_removed(path: Path) -> None:
    """A file of a later version is never removed, an older one may be, and a missing one is no error."""
    make(path)
    set_version(path, 2)
    assert not storage.remove_if_ours(path, NOTES)
    assert path.exists()
    assert storage.remove_if_ours(path, replace(NOTES, version=3))
    assert not storage.remove_if_ours(path, NOTES)


def test_what_is_no_error_of_sqlite() -> None:
    """A disk that is full, a file that is not there and no error at all are neither damage nor a lock."""
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    for error in (full, OSError("no such file"), None):
        assert not storage.is_busy(error)
        assert not storage.is_damaged(error)


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="rights are other ones there")
def test_a_folder_where_nothing_may_be_made() -> None:
    """The system's error, and nothing is left behind; a file of ours that may only be read is not written."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to nobody
        path = Path(name, "메모.sqlite")
        make(path, OWNED)
        before = content(path)
        path.chmod(0o444)
        path.parent.chmod(0o555)
        try:
            told = [
                as_nobody(lambda: storage.open_or_make(path.parent / "새", NOTES, connect)),
                as_nobody(lambda: storage.open_or_make(path.parent / "새 폴더" / "j", NOTES, connect, folder=True)),
                as_nobody(lambda: storage.open_or_make(path, OWNED, connect)),
                as_nobody(lambda: storage.open_existing(path, OWNED, connect)),
            ]
        finally:
            path.parent.chmod(0o700)
        assert all(text.startswith("PermissionError(") for text in told), told
        assert content(path) == before
        assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_temporary_database(in_memory: bool, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the tables, leaves no file, and each is one by itself."""
    monkeypatch.chdir(path.parent)
    for _ in range(2):
        with closing(storage.open_temporary(LATER, connect, in_memory=in_memory)) as db:
            assert db.execute("SELECT text, day FROM notes").fetchall() == []
            db.execute("INSERT INTO notes (text) VALUES ('a')")
    assert not list(path.parent.iterdir())


def test_what_fails_leaves_no_connection_open(path: Path) -> None:
    """The connection is closed where the file is refused, so that nothing keeps it."""
    with_tables(path)
    opened: list[sqlite3.Connection] = []

    def watched(name: str) -> sqlite3.Connection:
        opened.append(connect(name))
        return opened[-1]

    with pytest.raises(ForeignFileError):
        storage.open_or_make(path, NOTES, watched)
    path.write_bytes(b"")
    assert storage.open_existing(path, NOTES, watched) is None
    with pytest.raises(sqlite3.OperationalError):
        storage.open_temporary(replace(NOTES, statements=("CREATE",)), watched)
    assert len(opened) == 3
    for db in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            db.execute("SELECT 1")


def test_a_transaction_is_all_or_nothing(path: Path) -> None:
    """An error undoes all statements of the transaction, and is raised as it is."""
    with closing(storage.open_or_make(path, NOTES, connect)) as db:
        with pytest.raises(KeyError), storage.transaction(db):
            db.execute("INSERT INTO notes VALUES ('a')")
            raise KeyError
        with storage.transaction(db):
            db.execute("INSERT INTO notes VALUES ('b')")
    assert read(path) == [("b",)]


def test_the_identity_of_a_file(path: Path) -> None:
    """Another file or log under the same name is told from the one that was there; a missing one is an error."""
    files = storage.files_of(path)[:2]
    with closing(storage.open_or_make(path, NOTES, connect)):
        before = storage.identity_of(files)
        assert storage.identity_of(files) == before
        log = Path(f"{path}-wal")
        log.rename(path.with_suffix(".old"))
        with pytest.raises(FileNotFoundError):
            storage.identity_of(files)
        log.write_bytes(b"")
        assert storage.identity_of(files) != before


def test_where_files_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the folders that the environment names, else in those that the system has for a user."""
    monkeypatch.setenv("CLOUDAI_STATE_DIR", str(tmp_path / "상태"))
    monkeypatch.setenv("CLOUDAI_CACHE_DIR", str(tmp_path / "캐시"))
    assert storage.state_folder() == tmp_path / "상태"
    assert storage.cache_path() == tmp_path / "캐시" / "answers.sqlite"
    for name in ("CLOUDAI_STATE_DIR", "CLOUDAI_CACHE_DIR"):
        monkeypatch.setenv(name, "")
    assert "cloudai" in str(storage.state_folder())
    assert "cloudai" in str(storage.cache_path())
    assert storage.cache_path().name == "answers.sqlite"


MOUNTS = """overlay / overlay rw 0 0
server:/homes /home nfs4 rw 0 0
/dev/sda1 /home/local ext4 rw 0 0
//server/share /home/local/share cifs rw 0 0
//server/공유 /home/local/우리\\040것 cifs rw 0 0
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it can be told on Linux only")
@pytest.mark.parametrize(
    ("path", "remote"),
    [
        ("/tmp/j", False),  # noqa: S108  # nothing is written there
        ("/j", False),
        ("/home/j", True),
        ("/homes/j", False),
        ("/home/local/j", False),
        ("/home/local/share/일/j", True),
        ("/home/local/우리 것/j", True),
    ],
)
def test_a_drive_of_another_computer(path: str, remote: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the mount that the file is on: the longest one that its folder is within."""
    real = Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda self: MOUNTS.encode() if str(self) == "/proc/self/mounts" else real(self)
    )
    assert storage.is_remote(Path(path)) is remote


def test_one_module_opens_sqlite() -> None:
    """All others get their connections from it: what is private, marked and never written to is decided once."""
    source = Path(cloudai.__file__).parent
    imports = re.compile(r"^\s*(import|from) (sqlite3|apsw|platformdirs)\b", re.MULTILINE)
    using = {str(path.relative_to(source)) for path in source.rglob("*.py") if imports.search(path.read_text("utf-8"))}
    assert using == {"storage.py"}


def told_by(path: Path, statement: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Error:
    """Return the error of one statement."""
    with closing(storage.connect(str(path), 1)) as db, pytest.raises(sqlite3.Error) as error:
        db.execute(statement, parameters).fetchall()
    return error.value


@pytest.mark.parametrize(
    ("statement", "damage"),
    [
        ("SELECT * FROM notes_of_nobody", True),
        ("SELECT feather FROM notes", True),
        ("INSERT INTO notes (feather) VALUES (1)", True),
        ("INSERT INTO notes VALUES (1, 2, 3, 4, 5, 6, 7)", True),
        ("SELECT CAST(x'ff' AS TEXT)", True),
        ("SELEC 1", False),
        ("SELECT abs(-9223372036854775807 - 1)", False),
        ("SELECT ?", False),
        ("COMMIT", False),
    ],
)
def test_damage_is_told_from_a_wrong_statement(statement: str, damage: bool, path: Path) -> None:
    """A table or column that is missing, and a text that is none, are damage; a slip of the program is not."""
    make(path)
    assert storage.is_damaged(told_by(path, statement)) is damage


def test_a_closed_connection_is_no_damage(path: Path) -> None:
    """A file is never removed because of it."""
    make(path)
    db = storage.connect(str(path), 1)
    db.close()
    with pytest.raises(sqlite3.Error) as error:
        db.execute("SELECT 1")
    assert not storage.is_damaged(error.value)

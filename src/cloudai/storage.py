"""Private SQLite files: how they are made, recognized, opened, brought up to date and removed.

The journal of a batch, the cache of answers and the shared pace are such files, and each of them declares a `Schema`. A
file bears the application id and the version of its schema, so a file of another program or of a later version of
cloudai is never written to. A file is for its owner alone (mode 0600).
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

__all__ = [
    "CACHE_FOLDER",
    "Connection",
    "Database",
    "ForeignFileError",
    "SQLiteError",
    "Schema",
    "Step",
    "VersionError",
    "cache_path",
    "connect",
    "copied",
    "data_folder",
    "files_of",
    "identity_of",
    "is_broken_statement",
    "is_busy",
    "is_damaged",
    "is_remote",
    "open_existing",
    "open_or_make",
    "open_temporary",
    "remove",
    "remove_if_ours",
    "save",
    "state_folder",
    "transaction",
]

CACHE_FOLDER = "CLOUDAI_CACHE_DIR"
"""The environment variable that names the folder of the cache."""

Connection: TypeAlias = sqlite3.Connection

SQLiteError: TypeAlias = sqlite3.Error

log = logging.getLogger("cloudai")


class Database(Protocol):
    """The methods that the code needs of a connection to SQLite, so that tests can put in another one."""

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Run one statement; iterating over what is returned gives its rows."""

    def close(self) -> None:
        """Close the connection."""


D = TypeVar("D", bound=Database)

Step: TypeAlias = str | Callable[[Database], str | None]
"""A step of a migration: a statement, or a function that may return a sentence for the user."""


@dataclass(frozen=True)
class Schema:
    """One kind of private file: its tables, the mark by which it is recognized, and how a connection is set up."""

    name: str
    """The kind of file, as messages name it: "journal", "cache" …"""
    application: int
    """The application id, which says whose file it is."""
    version: int
    statements: tuple[str, ...]
    """The statements that make the tables of a new file."""
    migrations: Mapping[int, tuple[Step, ...]] = field(default_factory=dict)
    """The steps that lead from each version to the next one; an earlier version that is not here cannot be read."""
    layout: tuple[str, ...] = ()
    """Pragmas that have an effect only before the first table is made."""
    pragmas: tuple[str, ...] = ()
    """Pragmas of every connection."""
    exclusive: bool = False
    """Whether the process that opens the file has it to itself until it closes it."""

    def can_read(self, version: int) -> bool:
        """Return whether a file of this version can be read, after it is migrated where it is an earlier one."""
        return version <= self.version and all(n in self.migrations for n in range(version, self.version))


class ForeignFileError(sqlite3.DatabaseError):
    """The file is a database of another program; it was left as it is."""


class VersionError(sqlite3.DatabaseError):
    """The file is ours, of a version that cannot be read; it was left as it is."""

    def __init__(self, text: str, version: int) -> None:
        super().__init__(text)
        self.version = version


def connect(path: str, timeout: float) -> Connection:
    """Return a connection that commits each statement unless a transaction was begun, and that any thread may use.

    Args:
        path: The name of the file, "" for a temporary one or ":memory:".
        timeout: Seconds to wait while another connection has locked the file.
    """
    # With an isolation level, Python's module would begin transactions by itself before each statement that writes.
    return sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)


def open_or_make(path: Path, schema: Schema, connect: Callable[[str], D], *, folder: bool = False) -> D:
    """Return a connection to a file, which is made where it is not there or empty, and migrated where it is older.

    Args:
        path: The file.
        schema: What the file must be.
        connect: Opens SQLite.
        folder: Whether to make the folder of the file too.

    Raises:
        ForeignFileError: The file is another program's.
        VersionError: The file is of a version that cannot be read.
        SQLiteError: The file is locked or damaged, or the disk is full.
        OSError: The file or its folder cannot be made or written.
    """
    if folder:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _create(path)
    db = connect(str(path))
    with _closed_on_failure(db):
        _prepare(db, schema, _version_in(db, schema), path)
    return db


def open_existing(path: Path, schema: Schema, connect: Callable[[str], D]) -> D | None:
    """Return a connection to a file, migrated where it is older; None where there is no file, or an empty one.

    Raises:
        ForeignFileError: The file is another program's.
        VersionError: The file is of a version that cannot be read.
        SQLiteError: The file is locked or damaged, or the disk is full.
        OSError: The file may only be read, and its schema is exclusive.
    """
    if not path.exists():
        return None
    if schema.exclusive:
        _require_writable(path)
    db = connect(str(path))
    with _closed_on_failure(db):
        version = _version_in(db, schema)
        if version is not None:
            _prepare(db, schema, version, path)
            return db
    db.close()
    return None


def open_temporary(schema: Schema, connect: Callable[[str], D], *, in_memory: bool = False) -> D:
    """Return a connection to a new database that nobody else can open, and that is gone when it is closed."""
    db = connect(":memory:" if in_memory else "")
    with _closed_on_failure(db):
        _make_or_migrate(db, schema)
    return db


def copied(db: Connection) -> Connection:
    """Return a connection to a copy of a database, which is kept in memory and gone when it is closed."""
    copy = connect(":memory:", timeout=0)
    db.backup(copy)
    return copy


def save(db: Connection, path: Path) -> None:
    """Write a copy of a database to a new file."""
    with closing(connect(str(path), timeout=0)) as copy:
        db.backup(copy)


@contextmanager
def transaction(db: Database, kind: str = "IMMEDIATE") -> Iterator[None]:
    """Commit what is done within the ``with`` block, or undo all of it where the block or the commit fails."""
    db.execute(f"BEGIN {kind}")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(Exception):  # SQLite may have rolled back by itself
            db.execute("ROLLBACK")
        raise


@contextmanager
def _closed_on_failure(db: Database) -> Iterator[None]:
    """Close the connection where the ``with`` block fails."""
    try:
        yield
    except BaseException:
        db.close()
        raise


def _create(path: Path) -> None:
    """Make the file for its owner alone if it is missing, and check that this process may write to it.

    An empty file gets mode 0600 where the drive allows it; a file with content keeps its mode. SQLite gives the files
    beside it the same mode.

    Raises:
        OSError: The file cannot be made or written.
    """
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    elif path.is_file() and not path.stat().st_size:
        with suppress(OSError):  # the drive has no modes, or the file is another user's
            path.chmod(0o600)
    _require_writable(path)


def _require_writable(path: Path) -> None:
    if not os.access(path, os.W_OK):
        raise PermissionError("Permission denied")  # SQLite would call it a disk error


def _version_in(db: Database, schema: Schema) -> int | None:
    """Return the version of a file that was just opened, or None if the file is empty.

    For an exclusive schema this first tells SQLite to keep each lock until the connection is closed.

    Raises:
        ForeignFileError: The file is another program's.
        VersionError: The file is of a version that cannot be read.
    """
    if schema.exclusive:
        # Before the first look: the lock goes when the process does, and no shared memory is needed beside the file.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
    with transaction(db, "DEFERRED"):  # all is read at one moment, because another process may be making the file
        return _read_version(db, schema)


def _read_version(db: Database, schema: Schema) -> int | None:
    """Return the version that is written in the database, or None if the database is empty.

    The caller begins a transaction, so that all is read at the same moment.

    Raises:
        ForeignFileError: The database is another program's.
        VersionError: The database is of a version that cannot be read.
    """
    [(application,)] = db.execute("PRAGMA application_id")
    [(version,)] = db.execute("PRAGMA user_version")
    [(tables,)] = db.execute("SELECT COUNT(*) FROM sqlite_schema")
    if application == schema.application:
        if not schema.can_read(version):
            raise VersionError(f"not a {schema.name} of this cloudai", version)
        return int(version)
    if application or version or tables:
        raise ForeignFileError(f"not a {schema.name} of this cloudai")
    return None


def _prepare(db: Database, schema: Schema, version: int | None, path: Path) -> None:
    """Set up a connection, make or migrate its tables if needed, and log a warning if they were migrated.

    An exclusive file is locked here even if it needs no change. After a migration the write-ahead log is written into
    the file, so that nothing that was removed stays in it.

    Args:
        db: The connection.
        schema: What the file must be.
        version: The version that the file had when it was opened; None if it was empty.
        path: The file, for the warning.
    """
    for pragma in (*(schema.layout if version is None else ()), *schema.pragmas):
        db.execute(f"PRAGMA {pragma}").fetchall()
    if not schema.exclusive and version == schema.version:
        return
    before, remarks = _make_or_migrate(db, schema)
    if before is None or before == schema.version:
        return
    told = "; ".join(["what it holds is kept", *remarks])
    log.warning("%s was migrated from version %d of the %s to %d: %s", path, before, schema.name, schema.version, told)
    with suppress(Exception):  # a full disk, for example: SQLite does it when the file is closed
        # The file keeps removed content until the write-ahead log beside it is written into it.
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _make_or_migrate(db: Database, schema: Schema) -> tuple[int | None, list[str]]:
    """Make the tables, or migrate them, in one transaction, which takes the lock of an exclusive file in any case.

    Returns:
        The version of the file until then, None where it is new, and what the steps have to say to the user.
    """
    with transaction(db, "EXCLUSIVE" if schema.exclusive else "IMMEDIATE"):
        version = _read_version(db, schema)  # once more: another process may have been first
        steps: Iterable[Step] = schema.statements
        if version is not None:
            steps = (step for n in range(version, schema.version) for step in schema.migrations[n])
        remarks = [remark for step in steps if (remark := _take(step, db))]
        if version != schema.version:
            # The mark is written in the same transaction as the tables: a file with the mark has all of them.
            db.execute(f"PRAGMA application_id = {schema.application}")
            db.execute(f"PRAGMA user_version = {schema.version}")
    return version, remarks


def _take(step: Step, db: Database) -> str | None:
    """Take one step of a migration, and return what it has to say; DatabaseError for content that it cannot read."""
    if isinstance(step, str):
        db.execute(step)
        return None
    try:
        return step(db)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise sqlite3.DatabaseError(f"the content is malformed ({type(error).__name__})") from error


def is_busy(error: BaseException | None) -> bool:
    """Return whether an error says that another connection has locked the file."""
    return _code_of(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_broken_statement(error: BaseException) -> bool:
    """Return whether SQLite refused one statement for the values in it; the file and the transaction are well."""
    kinds = (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.IntegrityError, sqlite3.DataError)
    return isinstance(error, kinds)


def is_in_use(path: Path) -> bool:
    """Return whether another connection keeps a file to itself; nothing is written to it, and no file beside it."""
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)
        try:
            # SQLite would make the write-ahead log and its index before it reads, and a connection that only reads may
            # not remove them. In this mode it makes neither before it has the file to itself: it is refused as busy if
            # another connection has that, and with another error if the system gives such a lock to no reader.
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        finally:
            db.close()
    except sqlite3.Error as error:
        return is_busy(error)
    return False


def may_be_written(path: Path) -> bool:
    """Return whether this user may write a file and make others in its folder, as a database that is opened needs."""
    return os.access(path, os.W_OK) and os.access(path.absolute().parent, os.W_OK)


MISMATCHES = ("no such table", "no such column", "has no column named", "no such index", "values were supplied")
"""The words of SQLite, with the code ERROR, for a file that has our mark and other tables or columns than it should."""


def is_damaged(error: BaseException | None) -> bool:
    """Return whether an error of SQLite says that the content of the file is wrong.

    Damage is what SQLite calls CORRUPT or NOTADB, a table or column that is missing, and content that Python or a step
    of a migration cannot read, which has no code. A lock, a full disk, a statement that is wrong and a connection that
    is closed are no damage, nor is a `ForeignFileError` or a `VersionError`.
    """
    if not isinstance(error, sqlite3.Error) or isinstance(error, ForeignFileError | VersionError):
        return False
    code, text = _code_of(error), str(error)
    if code == sqlite3.SQLITE_ERROR:
        return any(words in text for words in MISMATCHES)
    if code == 0:
        return type(error) is sqlite3.DatabaseError or text.startswith("Could not decode to UTF-8")
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code_of(error: BaseException | None) -> int:
    """Return the primary result code of SQLite, and 0 where the error has none."""
    # The lower eight bits of an extended code are the primary one: https://sqlite.org/rescode.html
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def files_of(path: Path) -> list[Path]:
    """Return the names of the file, its write-ahead log and the index of that log, whether or not they exist."""
    return [Path(f"{path}{end}") for end in ("", "-wal", "-shm")]


def identity_of(files: Iterable[Path]) -> list[tuple[int, int]]:
    """Return what tells these files from others of the same names; OSError where one is not there."""
    return [(status.st_dev, status.st_ino) for status in (file.stat() for file in files)]


def remove(path: Path) -> None:
    """Delete the file and those beside it."""
    for file in files_of(path):
        file.unlink(missing_ok=True)


def remove_if_ours(path: Path, schema: Schema) -> bool:
    """Delete a file that bears the mark of the schema and is of no later version, and return whether it did.

    SQLite is not asked, because the file may be too damaged to be opened.
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
        # https://sqlite.org/fileformat2.html#database_header: the version is at 60, the application id at 68.
        if header[68:72] != schema.application.to_bytes(4, "big"):
            return False
        if int.from_bytes(header[60:64], "big") > schema.version:
            return False
        remove(path)
    except OSError:
        return False
    return True


def state_folder() -> Path:
    """Return the folder for what processes of this user share: ``CLOUDAI_STATE_DIR``, else the system's."""
    from platformdirs import user_state_path

    given = os.environ.get("CLOUDAI_STATE_DIR")
    return Path(given) if given else user_state_path("cloudai", appauthor=False)


def data_folder() -> Path:
    """Return the folder for what the user has installed for cloudai: ``CLOUDAI_DATA_DIR``, else the system's."""
    from platformdirs import user_data_path

    given = os.environ.get("CLOUDAI_DATA_DIR")
    return Path(given) if given else user_data_path("cloudai", appauthor=False)


def cache_path() -> Path:
    """Return the file of the cache of answers: in ``CLOUDAI_CACHE_DIR``, else in the system's folder for caches."""
    from platformdirs import user_cache_path

    given = os.environ.get(CACHE_FOLDER)
    return (Path(given) if given else user_cache_path("cloudai", appauthor=False)) / "answers.sqlite"


ESCAPED = re.compile(r"\\(0[0-7]{2}|134)")
"""A character of a name as the kernel escapes it, by its number: a blank, a tab, a line feed, "#" or a backslash."""


def is_remote(path: Path) -> bool:
    """Return whether the file is on a drive of another computer, where that can be told (Linux)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        # The kernel escapes blanks, tabs and line feeds in the names; any other character may be in them as it is.
        mounted = os.fsdecode(Path("/proc/self/mounts").read_bytes())
        lines = [line.split(" ") for line in mounted.split("\n") if line]
        folder = str(path.resolve().parent)
    except OSError:
        return False
    lines = [[ESCAPED.sub(lambda code: chr(int(code[1], 8)), word) for word in line] for line in lines]
    # Mount points may lie within each other, and the longest one that the folder is in says which drive it is on.
    mounts = [(len(point), kind) for _, point, kind, *_ in lines if f"{folder}/".startswith(f"{point.rstrip('/')}/")]
    return bool(mounts) and max(mounts)[1].startswith(("nfs", "cifs", "smb", "9p", "fuse.sshfs"))

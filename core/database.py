"""The database behind :mod:`core.store`: its tables, how it is opened and brought up to date."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from core.errors import N_, StoreError
from core.paths import Paths

Row = TypeVar("Row")
METADATA = sa.MetaData()
RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("status", sa.String(16), nullable=False, index=True),
    sa.Column("dataset", sa.String(64), nullable=False, index=True),
    sa.Column("part_of", sa.String(40), nullable=True, index=True),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("remarks", sa.Text, nullable=False, server_default="{}"),
    # Milliseconds, and higher with every change of any row: who has seen all up to here need not
    # read them again.
    sa.Column("changed", sa.BigInteger, nullable=False, index=True, server_default="0"),
)
PROBLEMS = sa.Table(
    "problems",
    METADATA,
    sa.Column("folder", sa.String(255), primary_key=True),
    sa.Column("message", sa.Text, nullable=False),
)
HEAD = "0003"
"""The newest file in ``migrations/versions``; a test holds the two together."""
VERSION_TABLE = "lienzo_version"
"""Not alembic's own name for it: Optuna keeps its version there, in the same database."""
_OLD_VERSION_TABLE, _OLD_REVISIONS = "alembic_version", ("0001", "0002")


def sqlite_url(paths: Paths) -> str:
    return f"sqlite:///{paths.database.absolute()}"


def database_url(paths: Paths) -> str:
    """``LIENZO_DB_URL``, or SQLite beside the runs."""
    return os.environ.get("LIENZO_DB_URL") or sqlite_url(paths)


def open_engine(url: str) -> sa.Engine:
    try:
        engine = sa.create_engine(url, connect_args={"timeout": 30} if "sqlite" in url else {})
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(
            N_("LIENZO_DB_URL is not a database address that can be used: {error}."),
            error=str(error),
        ) from error
    tune(engine)
    return engine


def tune(engine: sa.Engine) -> None:
    """Have every connection to come to a SQLite file set up for many readers."""
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _tune_sqlite)


def _tune_sqlite(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
    """Readers and one writer at the same time, and no wait for the disk at every commit."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def migrate(engine: sa.Engine) -> bool:
    """Bring the database to :data:`HEAD`; True if anything had to be done.

    alembic is imported only then: it is not needed at every start of a page.
    """
    with engine.begin() as connection:
        if revision(connection) == HEAD:
            return False
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        if revision(connection, _OLD_VERSION_TABLE) in _OLD_REVISIONS:
            command.stamp(config, revision(connection, _OLD_VERSION_TABLE) or "base")
            connection.execute(sa.text(f"DROP TABLE {_OLD_VERSION_TABLE}"))
        command.upgrade(config, "head")
    return True


def revision(connection: sa.Connection, table: str = VERSION_TABLE) -> str | None:
    if not sa.inspect(connection).has_table(table):
        return None
    revision: str | None = connection.scalar(sa.text(f"SELECT version_num FROM {table}"))
    return revision


def milliseconds() -> int:
    return time.time_ns() // 1_000_000


def later() -> sa.ColumnElement[int]:
    """Now, but later than every change before, whatever the clock says."""
    last = sa.select(sa.func.coalesce(sa.func.max(RUNS.c.changed), 0)).scalar_subquery()
    now_ms = milliseconds()
    return sa.case((last >= now_ms, last + 1), else_=now_ms)


def batches(rows: Iterable[Row], size: int = 500) -> Iterator[list[Row]]:
    """The rows, ``size`` at a time."""
    rest = iter(rows)
    while batch := list(islice(rest, size)):
        yield batch

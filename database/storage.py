"""The disk space of a database. Catalogs, PRAGMAs and VACUUM have no expression in Peewee."""

from database.binding import database, is_sqlite


def size():
    """Return how many bytes the database takes."""
    if is_sqlite():
        return _pragma("page_count") * _pragma("page_size")
    return _scalar("SELECT pg_database_size(current_database())")


def reusable(tables):
    """Return how many bytes deleted rows take in SQLite's file; for Postgres, its estimate of deleted rows in the tables."""
    if is_sqlite():
        return _pragma("freelist_count") * _pragma("page_size")
    return int(
        _scalar(
            "SELECT COALESCE(SUM(n_dead_tup), 0) FROM pg_stat_user_tables"
            " WHERE relid IN (SELECT to_regclass(name) FROM unnest(%s::text[]) AS name)",
            (list(tables),),
        )
    )


def vacuum(tables):
    """Rewrite SQLite's file without the space of deleted rows; on Postgres, make that space of the tables usable again."""
    if not is_sqlite():
        database.execute_sql(f"VACUUM (ANALYZE) {', '.join(tables)}")
        return
    database.execute_sql("VACUUM")
    database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _pragma(name):
    return _scalar(f"PRAGMA {name}")


def _scalar(statement, params=()):
    return database.execute_sql(statement, params).fetchone()[0]

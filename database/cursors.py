"""Rows of large queries, read in batches."""

from database.binding import current, is_sqlite


def batches(query, size):
    """Yield lists of up to `size` rows, as tuples of the driver's values. Must run in a transaction.

    psycopg fetches all rows at once unless they come from a cursor on the server, for which Peewee has no expression.
    """
    db = current()
    if is_sqlite():
        cursor = db.execute(query)
        while rows := cursor.fetchmany(size):
            yield rows
        return
    statement, params = db.get_sql_context().sql(query).query()
    db.execute_sql(f"DECLARE batches NO SCROLL CURSOR FOR {statement}", params)
    while rows := db.execute_sql(f"FETCH {size} FROM batches").fetchall():
        yield rows
    db.execute_sql("CLOSE batches")

"""Queries in Peewee's expression language, compiled once per kind of database.

To build a query takes Peewee 150 us; to execute a compiled one takes 1 us more than a string of SQL.
"""

import functools
import operator
from collections import namedtuple
from itertools import chain

import peewee

from database.binding import current, is_sqlite

ROWS = 100  # inserted by one statement


class Param(peewee.ColumnBase):
    """A value that each execution gives, by name. It is passed as it is: no field converts it."""

    def __init__(self, name, index=None):
        self.name = _Name(name)
        self.name.index = index

    def __sql__(self, ctx):
        return ctx.value(self.name, converter=False)


def params(name, number):
    """Return `number` Params, whose values each execution gives as one list or tuple."""
    return [Param(name, index) for index in range(number)]


def rows(name, number, width):
    """Return `params` as so many rows, for `insert_many`. Each execution gives their values as one flat list."""
    values = params(name, number * width)
    return [values[start : start + width] for start in range(0, len(values), width)]


def literal(value):
    """Return a constant that is part of the SQL itself: partial indexes are found by it, and Postgres knows its type."""
    return peewee.ValueLiterals(peewee.Value(value))


class _Name(str):
    """A parameter's name among the values of a compiled query, and its index where a list is given for the name."""

    index = None


class compiled:  # noqa: N801 - it is used as a decorator
    """A query, from a function that builds it: `build(*shape)` returns a Peewee query with Params.

    Calling it executes the query and returns the cursor. It takes the values of the Params by name. `shape` are positional
    arguments that change the SQL itself, such as the number of rows. `all` and `first` return rows instead: named tuples
    whose fields are the query's columns.
    """

    def __init__(self, build):
        functools.update_wrapper(self, build)
        self._build = build
        self._statements = {}  # {(the database's placeholder, *shape): (statement, function from params to its values)}
        self._rows = {}  # {shape: the type of its rows}

    def __call__(self, *shape, **params):
        return self._run(current().run, shape, params)

    def later(self, *shape, **params):
        """Execute the query within a transaction, with no need to wait for it, and return the cursor.

        On Postgres it is sent with the next statement, or once the cursor is looked at. Errors are raised then.
        """
        return self._run(current().run_later, shape, params)

    def _run(self, run, shape, params):
        key = current().param, *shape
        statement, values_of = self._statements.get(key) or self._compile(key)
        try:
            return run(statement, values_of(params))
        except Exception:
            with peewee.__exception_wrapper__:  # by Peewee's name for it
                raise

    def all(self, *shape, **params):
        """Return a list of the rows."""
        cursor = self(*shape, **params)
        return list(map(self._row(shape, cursor), cursor.fetchall()))

    def first(self, *shape, **params):
        """Return the first row, or None."""
        cursor = self(*shape, **params)
        row = cursor.fetchone()
        return row and self._row(shape, cursor)(row)

    def _compile(self, key):
        statement, values = current().get_sql_context().sql(self._build(*key[1:])).query()
        is_plain = values and all(type(value) is _Name and value.index is None for value in values)
        values_of = _getter(*map(str, values)) if is_plain else functools.partial(_values, values)
        self._statements[key] = statement, values_of
        return self._statements[key]

    def _row(self, shape, cursor):
        if shape not in self._rows:
            self._rows[shape] = namedtuple("Row", [column[0] for column in cursor.description])._make
        return self._rows[shape]


class lookup(compiled):  # noqa: N801 - it is used as a decorator
    """A compiled query that reads a few rows by key, as many requests do.

    On Postgres, those that are outside of transactions and wait at the same time share a round trip.
    """

    def __call__(self, *shape, **params):
        return self._run(current().look_up, shape, params)


def _getter(*names):
    """Return a function of {name: value} that returns a tuple of the values."""
    return operator.itemgetter(*names) if len(names) > 1 else lambda params: (params[names[0]],)


def _values(values, params):
    """Return the values of a statement in which some are constants or in lists; of others a _getter is faster."""
    given = []
    for value in values:
        if type(value) is _Name:
            named = params[value]
            given.append(named if value.index is None else named[value.index])
        else:
            given.append(value)
    return given


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


def insert_rows(query, rows):
    """Insert many rows, ROWS at a time, by a compiled query of `rows("rows", number, width)`."""
    for start in range(0, len(rows), ROWS):
        some = rows[start : start + ROWS]
        query(len(some), rows=list(chain.from_iterable(some)))

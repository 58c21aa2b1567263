"""SQLite's query plans of the statements that a call executes."""


def plan_of(db, call, *arguments, **options):
    """Return the steps of EXPLAIN QUERY PLAN for all reads of `call(*arguments)`."""
    statements = []
    db.connection().set_trace_callback(statements.append)
    call(*arguments, **options)
    db.connection().set_trace_callback(None)
    reads = [statement for statement in statements if statement.startswith("SELECT")]
    return [row[-1] for statement in reads for row in db.execute_sql(f"EXPLAIN QUERY PLAN {statement}").fetchall()]

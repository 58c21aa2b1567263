"""The yardstick of the benchmark: a bare Bottle application, served like the server itself, at the setting PORT.

If DATABASE_URL is a Postgres, /round-trip returns the same after one query by key on a persistent connection.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from web import server

BODY = json.dumps([{"rank": n, "username": f"Player{n}", "score": 10 * n} for n in range(1, 100)])[:1200]


class Yardstick(server.Server):
    def load(self):
        import bottle

        app = bottle.Bottle()

        @app.get("/")
        def constant():
            bottle.response.content_type = "application/json"
            return BODY

        if os.environ["DATABASE_URL"].startswith("postgres"):
            import psycopg

            kept = []

            @app.get("/round-trip")
            def round_trip():
                connection = kept.pop() if kept else psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
                connection.execute("SELECT number FROM tallies WHERE board = %s AND level = 2", ("walls/all",)).fetchone()
                kept.append(connection)
                return constant()

        return app


if __name__ == "__main__":
    Yardstick(server.config.load(), {}).run()

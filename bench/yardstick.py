"""What the figures are compared with: a bare Bottle application, served as the server serves itself. PORT says where."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
import server

BODY = json.dumps([{"rank": n, "username": f"Player{n}", "score": 10 * n} for n in range(1, 100)])[:1200]


class Yardstick(server.Server):
    def load(self):
        import bottle

        app = bottle.Bottle()

        @app.get("/")
        def constant():
            bottle.response.content_type = "application/json"
            return BODY

        return app


if __name__ == "__main__":
    Yardstick(server.config.load()).run()

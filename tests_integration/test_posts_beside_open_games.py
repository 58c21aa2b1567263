"""On Postgres, what a post costs doesn't depend on how many games are open."""

import many_games
from driver import drive
from servers import until

import rules
import service
from database.binding import bind

OTHERS, POSTS = 300, 12
_USERS = (
    "INSERT INTO users (name, name_key, created_at) SELECT 'guest-' || n, 'other ' || n, 1 FROM generate_series(1, {}) n"
)
_GAMES = (
    "INSERT INTO games (id, user_id, mode, rules, seed, verified, ranked, started_at, seen_at, tick, score, turns)"
    " SELECT 'open' || id, id, 'walls', 1, 5, TRUE, TRUE, 1, 1, 0, 0, '' FROM users WHERE name_key LIKE 'other %%'"
)
_READ = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'games_open'"


def test_a_post_reads_its_own_game_only(postgres_url):
    app = service.create_app(database_url=postgres_url, enforce_pace=False, bcrypt_rounds=4, abandoned_interval=3600)
    ada = drive(app).sign_up("Ada")
    with app.database.own_connection() as db, bind(db):
        many_games.fill(ada.user, 1000)
        db.execute_sql("ANALYZE")  # finds no open games
        db.execute_sql(_USERS.format(OTHERS))
        db.execute_sql(_GAMES)
        game = ada.open(rules.PASS_THROUGH)
        for tick in range(POSTS):
            ada.post(game, tick, tick + 1)
        ada(f"DELETE /api/games/{game['id']}", status=204)
    app.close()
    with app.database.own_connection() as db, bind(db):
        until(lambda: db.execute_sql(_READ).fetchone()[0] > 0)
        assert db.execute_sql(_READ).fetchone()[0] < OTHERS

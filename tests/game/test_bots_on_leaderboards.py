"""Bots have leaderboards of their own."""


def test_bots_have_boards_of_their_own(ada, api):
    bot = api.sign_up("Botticelli", bot=True)
    assert bot.user["bot"] is True
    assert "bot" not in ada.user
    ada.play(1)
    game, _, answer = bot.play(6)
    bot.play(2, challenge="daily")
    bot.play(3, challenge=game["id"])
    assert answer["rank"] == 1
    for query in ("", f"challenge={game['id']}", "challenge=daily"):
        people, bots = (api(f"GET /api/leaderboard?{query}&players={who}") for who in ("people", "bots"))
        assert people == api(f"GET /api/leaderboard?{query}")
        assert [entry["username"] for entry in people] == ([] if query else ["Ada"])
        assert [(entry["username"], entry["bot"]) for entry in bots] == [("Botticelli", True)]
    assert api.ask("GET /api/leaderboard?players=cats").status == 422


def test_a_bot_is_ranked_among_bots(ada, api):
    ada.play(9)
    bot, other = api.sign_up("Botticelli", bot=True), api.sign_up("Talbot", bot=True)
    other.play(4)
    bot.play(2)
    assert (bot("GET /api/leaderboard/me")["rank"], bot("GET /api/leaderboard/me")["of"]) == (2, 2)
    assert bot("GET /api/leaderboard/me?players=people")["rank"] is None
    assert bot("GET /api/leaderboard/next?mode=walls&score=20")["next"]["username"] == "Talbot"
    page = api("GET /api/players/Botticelli")
    assert (page["bot"], page["bests"]["walls"]["rank"], page["bests"]["walls"]["of"]) == (True, 2, 2)
    assert "bot" not in api("GET /api/players/Ada")


def test_bots_are_marked_where_games_are_shown(api):
    bot = api.sign_up("Botticelli", bot=True)
    game = bot.open()
    assert api("GET /api/games/active")[0]["bot"] is True
    assert api(f"GET /api/games/{game['id']}")["bot"] is True
    assert bot("GET /api/auth/me")["bot"] is True


def test_a_guests_account_can_become_a_bots(api):
    guest = api.guest()
    guest.play(3)
    guest.sign_up("Botticelli", bot=True)
    assert api("GET /api/leaderboard") == []
    assert len(api("GET /api/leaderboard?players=bots")) == 1

#!/bin/sh
# Play a whole game with curl, on a server at http://localhost:8000 where the name Ada is free.

field() { python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }
api() { curl -s -H "Authorization: Bearer $token" "http://localhost:8000/api$@"; echo; }

token=$(curl -s -X POST http://localhost:8000/api/auth/guest | field token)
token=$(api /auth/signup -d '{"username":"Ada","password":"correct horse"}' | field token)
game=$(api /games -d '{"mode":"walls"}' | field id)
api /games/$game/turns -d '{"since":0,"tick":5,"turns":[[3,"R"]]}'    # {"status":"playing","tick":5,...}
sleep 1                                                              # games are played in real time
api /games/$game/turns -d '{"since":5,"tick":12,"turns":[]}'          # {"status":"over",...,"outcome":"wall",...}
api "/leaderboard?mode=walls&period=day"
api "/leaderboard/me?mode=walls"
api /games/$game                                                     # its seed and turns: anyone can replay it

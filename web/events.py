"""Server-sent events: responses that a client would ask for again and again, sent as one that goes on.

They are those of WHATWG's HTML (https://html.spec.whatwg.org/multipage/server-sent-events.html): EventSource reads them, and
resumes by the id of the last one. An event's data is what a request at that time would get. Only our worker sends them, to
which an open response costs little; elsewhere, and if it has too many, the client gets the usual response, and polls.

The worker imports this, too, so nothing of the app is imported here.
"""

import time

import msgspec

MEDIA = "text/event-stream"
HEADERS = {
    "Content-Type": MEDIA,
    "Cache-Control": "no-store, no-transform",  # a proxy that compresses would collect them, too
    "X-Accel-Buffering": "no",  # nginx would collect events until it has some kilobytes
}
MAY_GO_ON = "snakepit.may_go_on"  # in the environ: a function that returns whether a response may go on
LONGEST = 10  # seconds, after which a client asks again: by then most of the gain is made
UP_TO_DATE = 3  # seconds, after which it is looked up again whether the client may see this
MAX_OPEN = 5_000  # in a process
BEGIN = b"retry: 1000\n"  # milliseconds until EventSource reconnects

_open = 0


def are_wanted(environ):
    """Return whether the client asks for events and can have them."""
    if environ.get("HTTP_ACCEPT") != MEDIA or environ["REQUEST_METHOD"] != "GET":
        return False
    return _may_go_on(environ) and _open < MAX_OPEN


def _may_go_on(environ):
    return MAY_GO_ON in environ and environ[MAY_GO_ON]()


def stream(environ, query, response, follow, respond):
    """Yield events until the client is gone or should ask again, beginning with the response to its request.

    `follow(query, response)`: see api.py. `respond(query)` returns the next response, or None for a refusal.
    """
    global _open
    _open += 1
    try:
        until, begin = time.monotonic() + LONGEST, BEGIN
        while response is not None:
            following = follow(query, response)
            known, seconds = following or ("", 0)
            yield b"%sid: %s\ndata: %s\n\n" % (begin, known.encode(), msgspec.json.encode(response))
            if not following or time.monotonic() > until:
                return
            time.sleep(seconds)
            if not _may_go_on(environ):
                return
            query, begin = msgspec.structs.replace(query, known=known), b""
            response = respond(query)
    finally:
        _open -= 1

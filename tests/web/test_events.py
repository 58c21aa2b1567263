"""How many responses with events a process has open."""

from schemas import LiveQuery
from web import events

ENVIRON = {"REQUEST_METHOD": "GET", "HTTP_ACCEPT": events.MEDIA, events.MAY_GO_ON: lambda: True}


def begun():
    """A response that has sent its first event."""
    stream = events.stream(ENVIRON, LiveQuery(), [], lambda query, response: ("", 1), lambda query: [])
    next(stream)
    return stream


def test_a_process_has_so_many_at_most():
    opened = [begun() for _ in range(events.MAX_OPEN - 1)]
    assert events.are_wanted(ENVIRON)
    opened.append(begun())
    assert not events.are_wanted(ENVIRON)
    opened.pop().close()  # the client is gone
    assert events.are_wanted(ENVIRON)
    while opened:
        opened.pop().close()


def test_only_clients_that_ask_for_events_get_them():
    assert events.are_wanted(ENVIRON)
    for other in ({"HTTP_ACCEPT": "*/*"}, {"REQUEST_METHOD": "HEAD"}, {events.MAY_GO_ON: lambda: False}):
        assert not events.are_wanted(ENVIRON | other)

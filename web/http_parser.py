"""The parser of request heads: gunicorn's, with a limit for the whole head, in linear time.

gunicorn copies and searches everything received so far with each part that arrives: 480 KB of headers cost 40 ms, and a
client that sends them byte by byte a second.
"""

import re

from gunicorn.http import message, parser
from gunicorn.http.errors import LimitRequestHeaders

MAX_HEAD = 32 * 1024  # bytes of all headers together
LIMITS = {"limit_request_line": 4094, "limit_request_fields": 64, "limit_request_field_size": 8190}  # gunicorn's settings
BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")


class Request(message.Request):
    """A request whose head is read to its end before it is parsed."""

    def parse(self, unreader):
        head, searched = bytearray(), 0
        self.read_into(unreader, head, stop=True)
        while not self._is_parsable(head, searched):
            searched = len(head)
            self.read_into(unreader, head)
        unreader.unread(bytes(head))
        return super().parse(unreader)

    def _is_parsable(self, head, searched):
        """Return whether gunicorn can parse or refuse the head without more data; `searched` bytes had no end of it."""
        start = max(0, searched - 3)
        if head.find(b"\r\n\r\n", start) >= 0:
            return True
        if BARE_LINE_FEED.search(head, start):
            return True
        longest_line = self.limit_request_line + 2
        if len(head) > longest_line and head.find(b"\r\n", 2, longest_line + 2) < 0:
            return True
        if len(head) > MAX_HEAD + longest_line:
            raise LimitRequestHeaders("the head is too large")
        return False

    def parse_headers(self, data, from_trailer=False):
        if len(data) > MAX_HEAD or data.count(b"\r\n") >= self.limit_request_fields:
            raise LimitRequestHeaders("there are too many headers, or they are too large")
        return super().parse_headers(data, from_trailer)


class RequestParser(parser.RequestParser):
    mesg_class = Request

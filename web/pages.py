"""HTML pages, and the page that a browser gets instead of a problem."""

from html import escape
from http import HTTPStatus

import bottle

from web import headers

_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="robots" content="noindex">
  <title>{title} · Snakepit</title>
  <link rel="icon" href="{up}static/icon.svg" type="image/svg+xml">
</head>
<body>
  <h1>{title}</h1>
  <p>{detail}</p>
  <p><a href="{up}">Play Snakepit</a></p>
</body>
</html>
"""


def html(content, status, fields):
    """Return the response with a page, and with these headers beside those of all pages."""
    return bottle.HTTPResponse(content, status, headers.PAGE | fields)


def refusal(problem, path):
    """Return the page for a Problem at a path; its links are relative, as those of the client are."""
    up = "../" * (path.count("/") - 1) or "./"
    return _PAGE.format(title=escape(HTTPStatus(problem.status).phrase), detail=escape(problem.detail), up=up)

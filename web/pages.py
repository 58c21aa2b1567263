"""HTML pages that the server makes itself, and the page that a browser gets instead of a problem."""

import re
from html import escape
from http import HTTPStatus
from pathlib import Path

import bottle

from web import headers

_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>{title} · Snakepit</title>
  <link rel="icon" href="{root}static/icon.svg" type="image/svg+xml">
{head}</head>
<body>
{body}</body>
</html>
"""
_NO_INDEX = """  <meta name="robots" content="noindex">
"""
_STYLE = """  <link rel="preload" href="{root}static/fonts/nunito.woff2" as="font" type="font/woff2" crossorigin>
  <link rel="stylesheet" href="{root}static/style.css">
"""
_RETRY = """  <meta http-equiv="refresh" content="{seconds}">
"""
_REFUSAL = """  <header>
    <a class="wordmark" href="{root}" aria-label="Snakepit">
      {wordmark}
    </a>
  </header>
  <main class="page">
    <h1>{title}</h1>
    <p>{detail}</p>
    <p><a class="primary" href="{root}">Play Snakepit</a></p>
  </main>
"""
_CLIENT = Path(__file__).parent.parent / "static" / "index.html"
_WORDMARK = re.search("<svg.*?</svg>", _CLIENT.read_text(), re.DOTALL)[0]  # the first picture there


def document(title, root, head, body):
    """Return a page as HTML, of which all arguments are parts; `root` is the relative address of the app."""
    return _DOCUMENT.format(title=title, root=root, head=head, body=body)


def html(content, status, fields):
    """Return the response with a page, and with these headers beside those of all pages."""
    return bottle.HTTPResponse(content, status, headers.PAGE | fields)


def refusal(problem, path):
    """Return the page for a Problem at a path; its links are relative, as those of the client are.

    If the same request may succeed later, the page sends it again by itself.
    """
    root = "../" * (path.count("/") - 1) or "./"
    title, detail = escape(HTTPStatus(problem.status).phrase), escape(problem.detail)
    head, seconds = _NO_INDEX + _STYLE.format(root=root), problem.params.get("retry_in")
    if seconds:
        head += _RETRY.format(seconds=seconds)
    return document(title, root, head, _REFUSAL.format(title=title, detail=detail, root=root, wordmark=_WORDMARK))

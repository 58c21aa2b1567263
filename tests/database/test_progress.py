"""When a database counts as one that hangs."""

import threading
import time

import pytest

from database.progress import LOOKS, PAUSE, Progress


@pytest.fixture
def stalled():
    """Progress that has waited longer than its patience."""
    progress = Progress(0.3)
    progress.note()
    time.sleep(0.31)
    return progress


def test_a_short_wait_does_not_count():
    progress = Progress(60)
    progress.note()
    assert not progress.has_stopped()


def test_a_database_hangs_until_work_is_completed(stalled):
    assert stalled.has_stopped()
    began = time.monotonic()
    assert stalled.has_stopped()
    assert time.monotonic() - began < LOOKS * PAUSE  # those who come later are told at once
    stalled.note()
    assert not stalled.has_stopped()


def test_work_that_is_completed_during_the_looks_shows_that_it_does_not_hang(stalled):
    noting = threading.Timer(PAUSE, stalled.note)
    noting.start()
    try:
        assert not stalled.has_stopped()
    finally:
        noting.join()

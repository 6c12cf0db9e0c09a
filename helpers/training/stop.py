"""The stop button of a notebook, heard between two steps."""

import signal
import threading
from contextlib import contextmanager

STOP_BUTTON = "the stop button"  # why a training ended, in Training.stopped
AGAIN = "What this cell was to make is not there: run the cell again, from its start."


@contextmanager
def stop_button():
    """Turn the stop button (an interrupt) into a question asked between steps; a second press stops at once.

    Yields a function that says whether it was pressed. Interrupted between two steps, a run loses nothing.
    """
    presses = []

    def press(signum, frame):
        if presses:
            raise KeyboardInterrupt
        presses.append(signum)

    if threading.current_thread() is not threading.main_thread():  # only the main thread receives interrupts
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: bool(presses)
    finally:
        signal.signal(signal.SIGINT, before)

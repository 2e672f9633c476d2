"""Ctrl-C and SIGTERM: the first one ends a command in order, the second one at once."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

EXIT_INTERRUPTED = 130

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

# Seconds that a thread takes at most to read a signal that the main thread has seen already.
_MOMENT = 0.2

# A terminal whose progress bar hid the cursor shows it again.
_SHOW_CURSOR = b"\x1b[?25h"


class Interrupts:
    """The signals that a command was sent.

    Python calls a handler in the main thread, once that is back from compiled code: minutes later while
    XLA compiles. Python also writes the number of each signal to a socket as it arrives, whatever
    the main thread does. A thread reads it there.
    """

    def __init__(self) -> None:
        self._first = threading.Event()
        self._stop = threading.Event()
        self._kept: Callable[[], Path] | None = None

    def came(self) -> bool:
        """Whether one came; the main thread may know a moment before the thread that listens."""
        return self._first.wait(_MOMENT)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Meanwhile the second signal ends the process within a moment; the main thread's alone."""
        reader, writer = socket.socketpair()
        writer.setblocking(False)
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        # A shell that starts a command in the background has it ignore Ctrl-C's signal.
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Thread(target=self._listen, args=(reader,), daemon=True).start()
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, handler)
            signal.set_wakeup_fd(before)
            writer.close()

    @contextmanager
    def stopping(self, kept: Callable[[], Path]) -> Iterator[Callable[[], bool]]:
        """Meanwhile the first signal only asks to stop: whether it did.

        Args:
            kept: tells the folder of what is finished, for the line that the second one leaves.
        """
        self._kept = kept
        before = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
        try:
            yield self._stop.is_set
        finally:
            self._kept = None
            for number, handler in before.items():
                signal.signal(number, handler)

    def _listen(self, reader: socket.socket) -> None:
        with reader:
            while number := reader.recv(1):
                if number[0] not in _SIGNALS:
                    continue
                if self._first.is_set():
                    folder = self._kept
                    kept = f"; finished tiles are kept in {folder()}" if folder else ""
                    _say(f"qthermo: interrupted{kept}")
                    leave_at_once()
                self._first.set()
                if self._kept:
                    self._stop.set()
                    _say("stopping after the tiles in flight; once more to leave at once")


def _say(line: str) -> None:
    """To standard error without its lock, which a thread that was stopped may hold."""
    start = _SHOW_CURSOR if os.isatty(2) else b""
    with suppress(OSError):  # nobody may read it any more
        os.write(2, start + line.encode(errors="replace") + b"\n")


def leave_at_once() -> NoReturn:
    """End the process without waiting for its threads.

    Files stay whole: each is written beside its place and then renamed.
    """
    os._exit(EXIT_INTERRUPTED)


def leave_in_order() -> NoReturn:
    """End the process after what was said, without waiting for its threads."""
    sys.stdout.flush()
    sys.stderr.flush()
    leave_at_once()

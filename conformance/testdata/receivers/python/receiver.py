#!/usr/bin/env python3
"""A webhook receiver in Python's standard library. See README.md.

    receiver.py                  serve
    receiver.py replay EVENT_ID  process a dead letter again
"""

import signal
import sys
import threading

import settings
from server import Receiver
from spool import Spool
from telemetry import log


def serve():
    # Blocked in every thread, and waited for in this one: a handler would run only
    # once this thread wakes, and the signal may have been given to another.
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    receiver = Receiver(settings.from_environment())
    receiver.processor.start()
    accepting = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.1}, name="accept")
    accepting.start()
    log("info", "Listening", port=receiver.server_port)
    signal.sigwait(ends)
    log("info", "Stopping")
    receiver.shutdown()
    receiver.server_close()
    accepting.join()
    receiver.await_idle(timeout=5)
    receiver.processor.stop()


def replay(event_id: str):
    if not Spool(settings.from_environment().data_dir).request_replay(event_id):
        sys.exit(f"receiver: {event_id} is no dead letter")


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            serve()
        case ["replay", event_id]:
            replay(event_id)
        case _:
            sys.exit(__doc__)

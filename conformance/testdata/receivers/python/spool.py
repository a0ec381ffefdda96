"""The store: a spool directory with one file for each event, named after a hash of its id.

An event is in exactly one of waiting/, done/ and dead/, and moves by rename, which
is atomic. Nothing is ever deleted, so a file in any of the three means that the id
has been seen. `receiver.py replay` puts dead events into replay/, from where the
running receiver takes them.
"""

import hashlib
import json
import os
import threading
from concurrent.futures import Future
from pathlib import Path


class Spool:
    def __init__(self, directory: Path):
        self.directory = directory
        for name in ("tmp", "waiting", "done", "dead", "replay"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        self.lock = threading.Lock()
        # Every id that was seen, as its hash. The future is done once the event is on disk.
        self.seen: dict[str, Future] = {}
        for state in ("waiting", "done", "dead", "replay"):
            for file in (directory / state).iterdir():
                self.seen[file.name] = Future()
                self.seen[file.name].set_result(None)

    def accept(self, event: dict) -> bool:
        """Keeps a new event and returns True, or False for a known one.

        Returns only when the event is on disk, for a duplicate as well: of two
        deliveries at the same time, the second must not be acknowledged earlier.
        """
        name = hash_of(event["eventId"])
        mine = Future()
        with self.lock:
            first = self.seen.setdefault(name, mine)
        if first is not mine:
            first.result()
            return False
        try:
            self.write(event)
        except OSError as problem:
            with self.lock:
                del self.seen[name]
            mine.set_exception(problem)
            raise
        mine.set_result(None)
        return True

    def write(self, event: dict):
        """Writes an event that waits to be processed. Either all of it is on disk afterwards or nothing."""
        name = hash_of(event["eventId"])
        draft = self.directory / "tmp" / name
        with draft.open("w", encoding="ascii") as file:
            file.write(json.dumps(event))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.directory / "waiting" / name)
        descriptor = os.open(self.directory / "waiting", os.O_RDONLY)
        try:
            os.fsync(descriptor)  # the name must survive, too
        finally:
            os.close(descriptor)

    def waiting(self) -> list[dict]:
        return [json.loads(file.read_text()) for file in (self.directory / "waiting").iterdir()]

    def finish(self, event: dict, state: str):
        """Moves a processed event to done, or one that was given up to dead."""
        self.move(hash_of(event["eventId"]), "waiting", state)

    def request_replay(self, event_id: str) -> bool:
        """Puts a dead event back in line; called by another process than the one that serves."""
        try:
            self.move(hash_of(event_id), "dead", "replay")
        except FileNotFoundError:
            return False
        return True

    def take_replays(self) -> list[dict]:
        """The events that are to be processed again, as new ones, now waiting."""
        events = []
        for file in (self.directory / "replay").iterdir():
            event = json.loads(file.read_text()) | {"attempts": 0, "due": 0.0}
            self.write(event)
            file.unlink()
            events.append(event)
        return events

    def move(self, name: str, source: str, target: str):
        (self.directory / source / name).rename(self.directory / target / name)


def hash_of(event_id: str) -> str:
    # An id can hold anything that a JSON string can, half of a surrogate pair included.
    return hashlib.sha256(event_id.encode("utf-8", "surrogatepass")).hexdigest()

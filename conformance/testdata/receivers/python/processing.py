"""Processes what the spool holds: one call downstream for each event, with retries."""

import heapq
import http.client
import itertools
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlsplit

from settings import Settings
from spool import Spool
from telemetry import Metrics, log

# Hanging calls hold a thread until they time out; waiting retries hold none.
THREADS = 64
# How often the spool is asked for events to replay, in seconds.
REPLAY_POLL = 0.5


class Processor:
    def __init__(self, settings: Settings, spool: Spool, metrics: Metrics):
        self.settings, self.spool, self.metrics = settings, spool, metrics
        self.queue: list = []  # a heap of (when due, tie breaker, event)
        self.order = itertools.count()
        self.changed = threading.Condition()
        self.stopping = False
        self.pool = ThreadPoolExecutor(THREADS, "process")
        self.dispatcher = threading.Thread(target=self.dispatch, name="dispatch")

    def start(self):
        for event in self.spool.waiting():
            self.schedule(event)
        self.dispatcher.start()

    def stop(self):
        """Lets running attempts end; what is still to be done stays in the spool."""
        with self.changed:
            self.stopping = True
            self.changed.notify()
        self.dispatcher.join()
        self.pool.shutdown(wait=True, cancel_futures=True)

    def schedule(self, event: dict):
        # The spool keeps wall-clock times because they mean something after a restart.
        due = time.monotonic() + max(0.0, event["due"] - time.time())
        with self.changed:
            heapq.heappush(self.queue, (due, next(self.order), event))
            self.changed.notify()

    def dispatch(self):
        next_look = 0.0
        while not self.stopping:
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + REPLAY_POLL
                for event in self.spool.take_replays():
                    self.schedule(event)
            with self.changed:
                while self.queue and self.queue[0][0] <= time.monotonic():
                    self.pool.submit(self.process, heapq.heappop(self.queue)[2])
                wake = min(next_look, self.queue[0][0]) if self.queue else next_look
                if not self.stopping:
                    self.changed.wait(max(0.0, wake - time.monotonic()))

    def process(self, event: dict):
        try:
            self.try_once(event)
        except OSError as problem:
            # What cannot be recorded is done again: downstream has the idempotency key.
            log("error", "Spool cannot be written", event, error=str(problem))
            event["due"] = time.time() + self.settings.backoff
            self.schedule(event)

    def try_once(self, event: dict):
        started = time.monotonic()
        problem = self.attempt(event)
        seconds = time.monotonic() - started
        event["attempts"] += 1
        dead = problem is not None and event["attempts"] >= self.settings.attempts
        if problem is None:
            self.spool.finish(event, "done")
            log("info", "Webhook processed", event, attempt=event["attempts"], seconds=round(seconds, 3))
        elif dead:
            self.spool.finish(event, "dead")
            log("error", "Webhook moved to dead letters", event, attempt=event["attempts"], error=problem)
        else:
            wait = self.settings.backoff * 2 ** (event["attempts"] - 1)
            event["due"] = time.time() + wait
            self.spool.write(event)
            self.schedule(event)
            log("warning", "Webhook processing failed", event, attempt=event["attempts"], error=problem, retryIn=wait)
        self.metrics.count_attempt(seconds, processed=problem is None, dead=dead)

    def attempt(self, event: dict) -> str | None:
        """Calls downstream, and says what went wrong. Only a 2xx is success."""
        if not self.settings.downstream_url:
            return None
        url = urlsplit(self.settings.downstream_url)
        connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = connect(url.netloc, timeout=self.settings.downstream_timeout)
        body = {name: event[name] for name in ("eventId", "eventType", "data")}
        # Escaped, because an id can hold characters that a header cannot.
        key = quote(event["eventId"], safe="", errors="surrogatepass")
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        try:
            target = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request("POST", target, json.dumps(body), headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as problem:
            return f"downstream: {problem or type(problem).__name__}"
        finally:
            connection.close()
        return None if 200 <= status < 300 else f"downstream answered {status}"

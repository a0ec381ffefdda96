"""Logs and metrics, with the guide's names."""

import json
import sys
import threading
from datetime import datetime, timezone

lock = threading.Lock()


def log(level: str, message: str, event: dict | None = None, **fields):
    """Writes one JSON object on a line. event gives the three ids."""
    event = event or {}
    line = {
        "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "level": level,
        "message": message,
        "eventId": event.get("eventId"),
        "eventType": event.get("eventType"),
        "deliveryId": event.get("deliveryId"),
        **fields,
    }
    with lock:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


class Metrics:
    """Counts genuine deliveries (duplicates included), processed events and dead letters."""

    def __init__(self):
        self.lock = threading.Lock()
        self.received = self.processed = self.failed = self.attempts = 0
        self.seconds = 0.0

    def count_received(self):
        with self.lock:
            self.received += 1

    def count_attempt(self, seconds: float, processed: bool, dead: bool):
        with self.lock:
            self.attempts += 1
            self.seconds += seconds
            self.processed += processed
            self.failed += dead

    def text(self) -> str:
        """Prometheus' text format."""
        with self.lock:
            return f"""\
# HELP webhooks_received_total Genuine deliveries, repeated ones included.
# TYPE webhooks_received_total counter
webhooks_received_total {self.received}
# HELP webhooks_processed_total Events processed.
# TYPE webhooks_processed_total counter
webhooks_processed_total {self.processed}
# HELP webhooks_failed_total Events given up (dead letters).
# TYPE webhooks_failed_total counter
webhooks_failed_total {self.failed}
# HELP webhook_processing_seconds Time of an attempt to process an event.
# TYPE webhook_processing_seconds summary
webhook_processing_seconds_sum {self.seconds:.6f}
webhook_processing_seconds_count {self.attempts}
"""

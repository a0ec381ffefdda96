"""A token bucket: it holds as many tokens as the limit has requests, and fills evenly."""

import math
import threading
import time


class TokenBucket:
    def __init__(self, requests: int, window: float, now=time.monotonic):
        self.capacity = requests
        self.per_second = requests / window
        self.now = now
        self.lock = threading.Lock()
        self.tokens = float(requests)
        self.filled_at = now()

    def take(self) -> tuple[bool, dict[str, str]]:
        """Whether a request is admitted, and the RateLimit fields that say how things stand."""
        with self.lock:
            now = self.now()
            self.tokens = min(self.capacity, self.tokens + (now - self.filled_at) * self.per_second)
            self.filled_at = now
            admitted = self.tokens >= 1
            if admitted:
                self.tokens -= 1
            # Reset is when the next request will find a token, at once if there is one.
            wait = max(0.0, (1 - self.tokens) / self.per_second)
            return admitted, {
                "RateLimit-Limit": str(self.capacity),
                "RateLimit-Remaining": str(int(self.tokens)),
                "RateLimit-Reset": str(math.ceil(wait)),
            }

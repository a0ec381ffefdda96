"""What the environment says, checked at start."""

import ipaddress
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Settings:
    secret: bytes
    host: str
    port: int
    data_dir: Path
    downstream_url: str  # empty: an event needs no call to be done
    downstream_timeout: float  # seconds
    rate_limit: tuple[int, float] | None  # requests, seconds
    attempts: int  # the first one included
    backoff: float  # seconds before the second attempt; doubles from there
    allowlist: list  # networks that may deliver; empty: everybody
    trusted_proxies: list  # networks whose X-Forwarded-For is believed


def from_environment() -> Settings:
    env = os.environ.get
    try:
        return Settings(
            secret=required("MONCRENEAU_WEBHOOK_SECRET").encode(),
            host=env("HOST", "127.0.0.1"),
            port=int(env("PORT", "8080")),
            data_dir=Path(required("DATA_DIR")),
            downstream_url=env("DOWNSTREAM_URL", ""),
            downstream_timeout=duration(env("DOWNSTREAM_TIMEOUT", "5s")),
            rate_limit=rate(env("RATE_LIMIT", "100/1m")),
            attempts=int(env("RETRY_ATTEMPTS", "3")),
            backoff=duration(env("RETRY_BACKOFF", "2s")),
            allowlist=networks(env("ALLOWLIST", "")),
            trusted_proxies=networks(env("TRUSTED_PROXIES", "")),
        )
    except ValueError as problem:
        sys.exit(f"receiver: {problem}")


def required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ValueError(f"{name} is not set")
    return value


def duration(text: str) -> float:
    """Reads 5s, 250ms or 1m0s as seconds."""
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h))+", text):
        raise ValueError(f"{text!r} is not a duration such as 5s, 250ms or 1m0s")
    return sum(float(n) * SECONDS[unit] for n, unit in re.findall(r"([\d.]+)(ms|s|m|h)", text))


def rate(text: str) -> tuple[int, float] | None:
    if text == "none":
        return None
    requests, slash, window = text.partition("/")
    if not slash or not requests.isdigit() or int(requests) == 0:
        raise ValueError(f"RATE_LIMIT {text!r} is neither none nor like 100/1m")
    return int(requests), duration(window)


def networks(text: str) -> list:
    return [ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()]

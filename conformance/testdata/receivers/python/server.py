"""The HTTP side: judges a delivery, keeps it, acknowledges it."""

import hashlib
import hmac
import ipaddress
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import contract
from limiter import TokenBucket
from processing import Processor
from settings import Settings
from spool import Spool
from telemetry import Metrics, log

PATH = "/webhooks/moncreneau"
LARGEST_BODY = 1 << 20  # bytes that are looked at
LARGEST_DRAIN = 16 << 20  # bytes that are read and thrown away, so that the sender hears why
SIGNATURE = re.compile("sha256=([0-9a-f]{64})")


class Refused(Exception):
    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None):
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, headers or {}


class Receiver(ThreadingHTTPServer):
    """One thread for each connection, so that a slow sender holds up only itself."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, settings: Settings):
        self.settings = settings
        self.metrics = Metrics()
        self.spool = Spool(settings.data_dir)
        self.processor = Processor(settings, self.spool, self.metrics)
        self.limiter = TokenBucket(*settings.rate_limit) if settings.rate_limit else None
        self.busy = 0
        self.idle = threading.Condition()
        super().__init__((settings.host, settings.port), Handler)

    def await_idle(self, timeout: float):
        """Waits for the answers that are being made, idle connections aside."""
        with self.idle:
            self.idle.wait_for(lambda: self.busy == 0, timeout)

    def handle_error(self, _request, _client_address):
        log("info", "Connection ended", error=sys.exc_info()[0].__name__)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    version_string = lambda _self: "receiver"  # not the versions of Python and its server
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of an answer in one write
    timeout = 30  # seconds without a byte before a connection is given up

    def answer_request(self):
        with self.server.idle:
            self.server.busy += 1
        try:
            self.answer(*self.route())
        except Refused as refusal:
            log("warning", "Webhook refused", self.delivery(), status=refusal.status, reason=refusal.reason)
            self.answer(refusal.status, {"error": refusal.reason}, refusal.headers)
        finally:
            with self.server.idle:
                self.server.busy -= 1
                self.server.idle.notify_all()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = answer_request

    def route(self):
        body = self.read_body()
        path = self.path.partition("?")[0]
        if path == PATH:
            if self.command != "POST":
                raise Refused(405, "only POST", {"Allow": "POST"})
            return self.receive(body)
        if self.command in ("GET", "HEAD"):
            if path == "/healthz":
                return 200, {"status": "ok"}
            if path == "/metrics":
                return 200, self.server.metrics.text()
        raise Refused(404, "not found")

    def receive(self, body: bytes | None):
        self.check_address()
        rate_fields = self.check_rate()
        if body is None:
            raise Refused(413, f"the body is longer than {LARGEST_BODY} bytes", rate_fields)
        self.check_signature(body)
        if self.headers.get_content_type() != "application/json":
            raise Refused(415, "the content type is not application/json", rate_fields)
        try:
            event = contract.parse(body)
        except contract.Invalid as problem:
            raise Refused(400, str(problem), rate_fields) from None
        if self.headers.get("X-Moncreneau-Event", event["type"]) != event["type"]:
            raise Refused(400, "X-Moncreneau-Event and the body name different types", rate_fields)
        accepted = self.delivery() | {
            "eventId": event["id"],
            "eventType": event["type"],
            "data": event["data"],
            "attempts": 0,
            "due": time.time(),
        }
        self.server.metrics.count_received()
        try:
            new = self.server.spool.accept(accepted)
        except OSError as problem:
            log("error", "Spool cannot be written", accepted, error=str(problem))
            raise Refused(503, "try again later") from None
        if new:
            self.server.processor.schedule(accepted)
        log("info", "Webhook accepted" if new else "Webhook known already", accepted)
        return 202, {"status": "accepted" if new else "duplicate"}, rate_fields

    def delivery(self) -> dict:
        return {"eventType": self.headers.get("X-Moncreneau-Event"), "deliveryId": self.headers.get("X-Moncreneau-Delivery")}

    def check_address(self):
        allowlist, proxies = self.server.settings.allowlist, self.server.settings.trusted_proxies
        if not allowlist:
            return
        # Each proxy appends the address that it saw, so only what our own proxies
        # wrote can be believed: from the right, up to the first stranger.
        forwarded = ",".join(self.headers.get_all("X-Forwarded-For", [])).split(",")
        address = self.client_address[0]
        while forwarded and within(address, proxies):
            address = forwarded.pop().strip() or address
        if not within(address, allowlist):
            raise Refused(403, "the address is not allowed")

    def check_rate(self) -> dict[str, str]:
        if not self.server.limiter:
            return {}
        admitted, fields = self.server.limiter.take()
        if not admitted:
            raise Refused(429, "too many requests", fields)
        return fields

    def check_signature(self, body: bytes):
        given = self.headers.get_all("X-Moncreneau-Signature", [])
        match = SIGNATURE.fullmatch(given[0]) if len(given) == 1 else None
        expected = hmac.new(self.server.settings.secret, body, hashlib.sha256).hexdigest()
        if not match or not hmac.compare_digest(match[1], expected):
            raise Refused(401, "invalid signature")

    def read_body(self) -> bytes | None:
        """The body, or None for one that is too long."""
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise Refused(411, "a Content-Length is needed")
        text = self.headers.get("Content-Length", "0")
        if not re.fullmatch("[0-9]{1,18}", text):
            self.close_connection = True
            raise Refused(400, "bad Content-Length")
        length = int(text)
        if length > LARGEST_BODY:
            self.close_connection = True
            rest = min(length, LARGEST_DRAIN)
            while rest > 0 and (chunk := self.rfile.read(min(rest, 1 << 16))):
                rest -= len(chunk)
            return None
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError("the body ended early")
        return body

    def answer(self, status: int, content, headers: dict[str, str] | None = None):
        kind = "application/json"
        if isinstance(content, str):
            kind = "text/plain; version=0.0.4; charset=utf-8"
        else:
            content = json.dumps(content)
        payload = content.encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    def log_message(self, *_args):
        """Silences the access log, which is not JSON."""


def within(address: str, networks: list) -> bool:
    try:
        return any(ipaddress.ip_address(address) in network for network in networks)
    except ValueError:
        return False

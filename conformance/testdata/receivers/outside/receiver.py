"""A receiver whose queue is outside of it, in the database file STORE, where each
instance takes whatever is due next: two that share one take each other's events."""

import hashlib
import hmac
import json
import os
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def store():
    database = sqlite3.connect(os.environ["STORE"], timeout=30, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, attempts INT DEFAULT 0, due REAL DEFAULT 0)")
    return database


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        secret = os.environ["MONCRENEAU_WEBHOOK_SECRET"].encode()
        wanted = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, self.headers.get("X-Moncreneau-Signature", "")):
            return self.answer(401)
        with store() as database:
            database.execute("INSERT OR IGNORE INTO events (id) VALUES (?)", [json.loads(body)["id"]])
        self.answer(200)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def work():
    database = store()
    while True:
        row = database.execute("SELECT id, attempts FROM events WHERE due <= ? LIMIT 1", [time.time()]).fetchone()
        if row is None:
            time.sleep(0.02)
            continue
        event, attempts = row[0], row[1] + 1
        done = processed(event) or attempts == 3
        due = "9e999" if done else time.time() + 2**attempts
        database.execute("UPDATE events SET attempts = ?, due = ? WHERE id = ?", [attempts, due, event])


def processed(event):
    body = json.dumps({"eventId": event}).encode()
    request = urllib.request.Request(os.environ["DOWNSTREAM_URL"], body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    threading.Thread(target=work, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()

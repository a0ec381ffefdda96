-- The state of the stand-in. Instants are integers, nanoseconds since 1970 UTC;
-- 0 means "not". Times of an appointment are text, local and without a zone, as
-- moncreneau writes them (Guinea is UTC all year).

CREATE TABLE IF NOT EXISTS account (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    credits INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS api_keys (
    digest           TEXT PRIMARY KEY,          -- SHA-256 of the key; the key itself is not kept
    hint             TEXT NOT NULL,             -- its last characters, to recognise it by
    scopes           TEXT NOT NULL,             -- JSON array
    organization_id  INTEGER NOT NULL,          -- 0: every organization
    departments      TEXT NOT NULL,             -- JSON array; empty: every department
    requests_an_hour INTEGER NOT NULL,          -- 0: the server's
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS appointments (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    department_id    INTEGER NOT NULL,
    worker_id        INTEGER NOT NULL,          -- 0: none asked for
    date_time        TEXT NOT NULL,
    status           TEXT NOT NULL,
    name             TEXT NOT NULL,
    phone            TEXT NOT NULL,
    email            TEXT NOT NULL,
    external_user_id TEXT NOT NULL,
    credits_consumed INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    validated_at     INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS appointments_by_slot ON appointments (department_id, date_time);

CREATE TABLE IF NOT EXISTS webhooks (
    id              TEXT PRIMARY KEY,
    url             TEXT NOT NULL,
    events          TEXT NOT NULL,              -- JSON array
    secret          TEXT NOT NULL,
    previous_secret TEXT NOT NULL DEFAULT '',
    previous_until  INTEGER NOT NULL DEFAULT 0,
    sign_with       TEXT NOT NULL DEFAULT 'new',
    active          INTEGER NOT NULL,
    off_reason      TEXT NOT NULL DEFAULT '',   -- why the engine switched it off
    failing_since   INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS events (
    id             TEXT PRIMARY KEY,
    type           TEXT NOT NULL,
    appointment_id INTEGER NOT NULL,
    created        INTEGER NOT NULL,
    body           BLOB NOT NULL
);

-- One event on its way to one endpoint, over all its attempts.
CREATE TABLE IF NOT EXISTS deliveries (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id   TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    reason     TEXT NOT NULL,                   -- change | test | redelivery
    fault      TEXT NOT NULL DEFAULT '',        -- what is wrong with it on purpose
    once       INTEGER NOT NULL DEFAULT 0,      -- never retried
    state      TEXT NOT NULL,                   -- pending | sending | delivered | failed
    attempts   INTEGER NOT NULL DEFAULT 0,
    next_at    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (webhook_id, state, next_at);
CREATE INDEX IF NOT EXISTS deliveries_of_event ON deliveries (event_id);

-- One HTTP exchange.
CREATE TABLE IF NOT EXISTS attempts (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id     INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    number          INTEGER NOT NULL,           -- 1 is the first
    wire_id         TEXT NOT NULL,              -- X-Moncreneau-Delivery, new for every attempt
    started_at      INTEGER NOT NULL,
    url             TEXT NOT NULL,
    request_header  TEXT NOT NULL,              -- JSON object of arrays
    request_body    BLOB NOT NULL,
    status          INTEGER NOT NULL,           -- 0: no answer
    response_header TEXT NOT NULL,
    response_body   BLOB NOT NULL,
    error           TEXT NOT NULL,
    connect         INTEGER NOT NULL,           -- nanoseconds since started_at; 0: not reached
    first_byte      INTEGER NOT NULL,
    total           INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS attempts_of_delivery ON attempts (delivery_id, number);

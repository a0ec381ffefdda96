// The process that answers deliveries. It starts Redis and the process of the workers.
'use strict';

const { fork } = require('child_process');
const { createHmac, timingSafeEqual } = require('crypto');
const fs = require('fs');
const path = require('path');
const express = require('express');
const { Queue } = require('./queue');
const { log } = require('./log');
const { Metrics } = require('./metrics');
const { rateLimit } = require('./ratelimit');
const { startRedis } = require('./redis');

const secret = process.env.MONCRENEAU_WEBHOOK_SECRET;
const types = new Set(['created', 'updated', 'cancelled', 'validated', 'completed'].map((t) => `appointment.${t}`));
const metrics = new Metrics();

function signed(req) {
  const match = /^sha256=([0-9a-f]{64})$/.exec(req.get('X-Moncreneau-Signature') || '');
  const expected = createHmac('sha256', secret).update(req.body).digest();
  return match !== null && timingSafeEqual(Buffer.from(match[1], 'hex'), expected);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

// parse returns the event, or throws what is wrong with it.
function parse(body) {
  const event = JSON.parse(utf8.decode(body));
  const isObject = (v) => typeof v === 'object' && v !== null && !Array.isArray(v);
  if (!isObject(event)) throw new Error('expected an object');
  if (typeof event.id !== 'string' || event.id === '') throw new Error('id: expected a text');
  if (!types.has(event.type)) throw new Error('type: expected one of the event types');
  if (typeof event.created !== 'string' || !instant.test(event.created) || Number.isNaN(Date.parse(event.created))) {
    throw new Error('created: expected an instant in ISO 8601');
  }
  if (!isObject(event.data) || !isObject(event.data.object)) throw new Error('data.object: expected an object');
  return event;
}

function refuse(res, status, code) {
  res.status(status).json({ error: { code } });
}

function application(queue) {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get(['/healthz', '/readyz'], (req, res) => res.json({ status: 'ok' }));
  app.get('/metrics', (req, res) => res.type('text/plain; version=0.0.4').send(metrics.text()));
  const raw = express.raw({ type: () => true, limit: '256kb' });
  const limit = rateLimit(process.env.RATE_LIMIT || '100/1m');
  app.post('/webhooks/moncreneau', raw, async (req, res) => {
    if (!Buffer.isBuffer(req.body)) req.body = Buffer.alloc(0);
    if (!signed(req)) return refuse(res, 401, 'invalid_signature');
    if (!limit(res)) return refuse(res, 429, 'rate_limit_exceeded');
    if (!req.is('application/json')) return refuse(res, 415, 'unsupported_media_type');
    let event;
    try {
      event = parse(req.body);
    } catch (err) {
      return refuse(res, 400, 'invalid_payload');
    }
    const deliveryId = req.get('X-Moncreneau-Delivery');
    try {
      const job = { eventId: event.id, eventType: event.type, deliveryId, data: event.data, attempts: 0 };
      const fresh = await queue.accept(job);
      metrics.received++;
      log('info', fresh ? 'Webhook received' : 'Webhook is a duplicate', job);
      return res.json({ status: fresh ? 'accepted' : 'duplicate' });
    } catch (err) {
      log('error', 'Webhook could not be stored', { eventId: event.id, eventType: event.type, deliveryId });
      res.set('Retry-After', '5');
      return refuse(res, 503, 'unavailable');
    }
  });
  // eslint-disable-next-line no-unused-vars -- Express counts the parameters
  app.use((err, req, res, next) => refuse(res, err.status || 500, err.type || 'error'));
  return app;
}

async function main() {
  if (!secret) throw new Error('MONCRENEAU_WEBHOOK_SECRET: expected the secret of the webhook');
  const dir = path.resolve(process.env.DATA_DIR || 'data');
  fs.mkdirSync(dir, { recursive: true });
  process.chdir(dir); // the path of a socket must be short
  const redis = startRedis();
  const queue = await Queue.connect();
  const workers = fork(path.join(__dirname, 'worker.js'));
  workers.on('message', (totals) => Object.assign(metrics, totals));

  const server = application(queue).listen(Number(process.env.PORT || 8080), process.env.HOST || '127.0.0.1');
  const stop = () => {
    server.close(() => workers.disconnect());
    server.closeIdleConnections();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  workers.on('exit', async (code) => {
    server.close();
    await queue.close();
    redis.once('exit', () => process.exit(code || 0));
    redis.kill('SIGTERM');
  });
}

main().catch((err) => {
  process.stderr.write(`receiver: ${err.message}\n`);
  process.exit(2);
});

// The guide's recommendation, built for comparison: Express takes the webhook, Redis is
// the queue, workers process it. Debian's packages: node-express, node-redis.
const crypto = require('crypto');
const express = require('express');
const { createClient } = require('redis');

const SECRET = process.env.MONCRENEAU_WEBHOOK_SECRET;
const TYPES = new Set(['created', 'updated', 'cancelled', 'validated', 'completed'].map((t) => 'appointment.' + t));
const WORKERS = 8;

function verified(raw, header) {
  const expected = Buffer.from('sha256=' + crypto.createHmac('sha256', SECRET).update(raw).digest('hex'));
  const given = Buffer.from(header || '');
  return given.length === expected.length && crypto.timingSafeEqual(given, expected);
}

function valid(event) {
  return event && typeof event.id === 'string' && TYPES.has(event.type) && !isNaN(Date.parse(event.created)) &&
    event.data && typeof event.data.object === 'object' && event.data.object !== null;
}

async function work() {
  const redis = createClient({ url: process.env.REDIS_URL });
  await redis.connect();
  for (;;) {
    const item = await redis.blMove('webhooks', 'processing', 'RIGHT', 'LEFT', 0);
    console.log(JSON.stringify({ timestamp: new Date(), level: 'info', message: 'Webhook processed', eventId: JSON.parse(item).id }));
    await redis.lRem('processing', 1, item);
  }
}

async function main() {
  const redis = createClient({ url: process.env.REDIS_URL });
  await redis.connect();
  const app = express();
  app.get('/readyz', (_req, res) => res.sendStatus(200));
  app.post('/webhooks/moncreneau', express.raw({ type: 'application/json' }), async (req, res) => {
    if (!verified(req.body, req.get('X-Moncreneau-Signature'))) return res.status(401).json({ error: 'signature' });
    let event;
    try {
      event = JSON.parse(req.body);
    } catch {
      return res.status(400).json({ error: 'payload' });
    }
    if (!valid(event)) return res.status(400).json({ error: 'payload' });
    try {
      if (await redis.set('seen:' + event.id, '1', { NX: true, EX: 30 * 86400 })) {
        await redis.lPush('webhooks', req.body.toString());
      }
      console.log(JSON.stringify({ timestamp: new Date(), level: 'info', message: 'Webhook received', eventId: event.id }));
      res.json({ received: true });
    } catch {
      res.status(503).json({ error: 'queue' });
    }
  });
  app.listen(process.env.PORT, '127.0.0.1');
  for (let i = 0; i < WORKERS; i++) work();
}

main();

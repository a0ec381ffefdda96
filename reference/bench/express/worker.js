// The process of the workers. It ends with the one that started it.
'use strict';

const http = require('http');
const { Queue } = require('./queue');
const { log } = require('./log');
const { duration } = require('./duration');

const url = process.env.DOWNSTREAM_URL;
const timeout = duration(process.env.DOWNSTREAM_TIMEOUT || '5s');
const backoff = duration(process.env.RETRY_BACKOFF || '2s');
const attempts = Number(process.env.RETRY_ATTEMPTS || 3);
const concurrency = Number(process.env.WORKERS || 16);
const agent = new http.Agent({ keepAlive: true });
const totals = { processed: 0, failed: 0, attempts: 0, seconds: 0 };
let stopping = false;

// process hands the event on, as the reference receiver's example does.
function handle(job) {
  if (!url) return Promise.resolve();
  const body = JSON.stringify({ eventId: job.eventId, eventType: job.eventType, data: job.data });
  return new Promise((resolve, reject) => {
    const req = http.request(url, {
      method: 'POST', agent, signal: AbortSignal.timeout(timeout),
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': encodeURIComponent(job.eventId) },
    }, (res) => {
      res.resume();
      res.on('error', reject);
      res.on('end', () => (res.statusCode >= 200 && res.statusCode < 300 ? resolve() : reject(new Error(`answered ${res.statusCode}`))));
    });
    req.on('error', reject);
    req.end(body);
  });
}

async function attempt(queue, raw) {
  const job = JSON.parse(raw);
  const start = process.hrtime.bigint();
  let error;
  await handle(job).catch((err) => { error = err; });
  totals.attempts++;
  totals.seconds += Number(process.hrtime.bigint() - start) / 1e9;
  if (!error) {
    await queue.done(raw);
    totals.processed++;
    log('info', 'Webhook processed', job);
    return;
  }
  job.attempts++;
  if (job.attempts >= attempts) {
    await queue.bury(raw, { ...job, reason: error.message });
    totals.failed++;
    log('error', 'Webhook moved to dead letters', job, error);
    return;
  }
  await queue.again(raw, job, backoff * 2 ** (job.attempts - 1));
  log('warn', 'Webhook processing failed, will retry', job, error);
}

async function work() {
  const queue = await Queue.connect(); // of its own, because taking blocks it
  while (!stopping) {
    const raw = await queue.take();
    if (raw) await attempt(queue, raw);
  }
  await queue.close();
}

async function main() {
  const queue = await Queue.connect();
  await queue.recover();
  const promoting = setInterval(() => queue.promote().catch(() => {}), 100);
  const telling = setInterval(() => process.connected && process.send(totals), 200);
  process.on('disconnect', () => { stopping = true; });
  process.on('SIGINT', () => {}); // the other process says when
  process.on('SIGTERM', () => {});
  await Promise.all(Array.from({ length: concurrency }, work));
  clearInterval(promoting);
  clearInterval(telling);
  await queue.close();
}

main().catch((err) => {
  log('error', 'The workers have stopped', {}, err);
  process.exit(1);
});

// A receiver put together from the samples of moncreneau's guide, as one would
// on the first day. It looks right, and works as long as nothing goes wrong.
// README.md says what hookcheck finds, and why.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const secret = process.env.MONCRENEAU_WEBHOOK_SECRET;
const [maxRequests, windowMs] = rateLimit(process.env.RATE_LIMIT ?? '100/1m');
const retryDelays = [2000, 4000];

// --- step 1: validation -----------------------------------------------------

const eventTypes = [
  'appointment.created', 'appointment.updated', 'appointment.cancelled', 'appointment.validated', 'appointment.completed',
];

function validate(event) {
  if (typeof event?.id !== 'string' || event.id === '') return 'id must be a string';
  if (!eventTypes.includes(event.type)) return 'type is unknown';
  if (typeof event.created !== 'string' || !/^\d{4}-\d{2}-\d{2}T/.test(event.created) || isNaN(Date.parse(event.created))) return 'created must be an ISO 8601 date';
  if (!isObject(event.data)) return 'data must be an object';
  if (!isObject(event.data.object)) return 'data.object must be an object';
  return null;
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

// --- step 2: signature ------------------------------------------------------

function verifySignature(rawBody, header) {
  const [algorithm, hex] = (header ?? '').split('=');
  if (algorithm !== 'sha256' || !hex) return false;
  const expected = createHmac('sha256', secret).update(rawBody).digest();
  const received = Buffer.from(hex, 'hex');
  return received.length === expected.length && timingSafeEqual(received, expected);
}

// --- step 3: idempotency ----------------------------------------------------

const seen = new Set();

// --- step 4: queue and retries ----------------------------------------------

const queue = [];
const deadLetters = [];

function enqueue(job) {
  queue.push(job);
  setImmediate(work);
}

async function work() {
  const job = queue.shift();
  const end = startTimer();
  try {
    await processEvent(job.event);
    metrics.webhooks_processed_total++;
    log('info', 'Webhook processed', job);
  } catch (error) {
    metrics.webhooks_failed_total++;
    const delay = retryDelays[job.retries++];
    if (delay === undefined) {
      deadLetters.push(job);
      log('error', 'Moved to dead letter queue', job, { error: error.message });
    } else {
      log('warn', 'Webhook failed, retrying', job, { error: error.message, delay });
      setTimeout(() => enqueue(job), delay);
    }
  } finally {
    end();
  }
}

// The business side effect: tell our own system.
async function processEvent(event) {
  if (!process.env.DOWNSTREAM_URL) return;
  const response = await fetch(process.env.DOWNSTREAM_URL, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': event.id },
    body: JSON.stringify({ eventId: event.id, eventType: event.type, data: event.data }),
    signal: AbortSignal.timeout(5000),
  });
  if (!response.ok) throw new Error(`downstream answered ${response.status}`);
}

// --- step 5: rate limit -----------------------------------------------------

let windowStart = 0;
let requests = 0;

function overLimit() {
  if (Date.now() - windowStart >= windowMs) [windowStart, requests] = [Date.now(), 0];
  return ++requests > maxRequests;
}

function rateLimit(text) {
  if (text === 'none') return [Infinity, 60_000];
  const [count, window] = text.split('/');
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  return [Number(count), [...window.matchAll(/([\d.]+)(ms|s|m|h)/g)].reduce((sum, [, n, unit]) => sum + n * units[unit], 0)];
}

// --- step 6: logs and metrics -----------------------------------------------

const metrics = {
  webhooks_received_total: 0,
  webhooks_processed_total: 0,
  webhooks_failed_total: 0,
  webhook_processing_seconds_sum: 0,
  webhook_processing_seconds_count: 0,
};

function startTimer() {
  const start = Date.now();
  return () => {
    metrics.webhook_processing_seconds_sum += (Date.now() - start) / 1000;
    metrics.webhook_processing_seconds_count++;
  };
}

function metricsText() {
  const types = 'webhooks_received_total webhooks_processed_total webhooks_failed_total'.split(' ').map((name) => `# TYPE ${name} counter\n`);
  types.push('# TYPE webhook_processing_seconds summary\n');
  return types.join('') + Object.entries(metrics).map(([name, value]) => `${name} ${value}\n`).join('');
}

function log(level, message, { event, deliveryId } = {}, more = {}) {
  console.log(JSON.stringify({ timestamp: new Date().toISOString(), level, message, eventId: event?.id, eventType: event?.type, deliveryId, ...more }));
}

// --- the handler ------------------------------------------------------------

async function handle(request, response) {
  const answer = (status, body, headers) => response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
  if (request.url === '/healthz') return answer(200, { status: 'ok' });
  if (request.url === '/metrics') return response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4' }).end(metricsText());
  if (request.url !== '/webhooks/moncreneau') return answer(404, { error: 'Not found' });
  if (request.method !== 'POST') return answer(405, { error: 'Method not allowed' }, { Allow: 'POST' });
  if (overLimit()) {
    return answer(429, { error: 'Too many requests' }, { 'Retry-After': Math.ceil((windowStart + windowMs - Date.now()) / 1000) });
  }

  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const rawBody = Buffer.concat(chunks);
  let event;
  try {
    event = JSON.parse(rawBody);
  } catch {
    return answer(400, { error: 'Invalid JSON' });
  }
  const problem = validate(event);
  if (problem) return answer(400, { error: problem });
  if (!verifySignature(rawBody, request.headers['x-moncreneau-signature'])) return answer(401, { error: 'Invalid signature' });

  const job = { event, deliveryId: request.headers['x-moncreneau-delivery'], retries: 0 };
  metrics.webhooks_received_total++;
  if (seen.has(event.id)) {
    log('info', 'Duplicate webhook ignored', job);
    return answer(200, { received: true, duplicate: true });
  }
  seen.add(event.id);
  log('info', 'Webhook received', job);

  // Answer quickly, work later.
  answer(200, { received: true });
  enqueue(job);
}

createServer((request, response) => {
  handle(request, response).catch((error) => log('error', 'Request failed', {}, { error: error.message }));
}).listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1');

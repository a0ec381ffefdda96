// The HTTP side: judges a delivery, keeps it, acknowledges it.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { isIP } from 'node:net';
import { Invalid, parse } from './contract.mjs';
import { log } from './telemetry.mjs';

const PATH = '/webhooks/moncreneau';
const LARGEST_BODY = 256 * 1024; // bytes

class Refused extends Error {
  constructor(status, message, headers = {}) {
    super(message);
    Object.assign(this, { status, headers });
  }
}

// newServer returns a server that gives valid new events to processor.
export function newServer(settings, processor, limiter, metrics) {
  async function receive(request, body) {
    checkAddress(request, settings);
    if (body === undefined) throw new Refused(413, `the body is longer than ${LARGEST_BODY} bytes`);
    checkSignature(request, body, settings.secret);
    // Only genuine deliveries count: nobody without the secret can use up the limit.
    const wait = limiter?.take() ?? 0;
    if (wait > 0) throw new Refused(429, 'too many requests', { 'Retry-After': wait });
    if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
      throw new Refused(415, 'the content type is not application/json');
    }
    // The body says what happened; the header X-Moncreneau-Event is not signed.
    const event = { ...parse(body), deliveryId: request.headers['x-moncreneau-delivery'] };
    const isNew = await processor.accept(event);
    log('info', isNew ? 'Webhook accepted' : 'Webhook already known', event);
    return isNew ? { status: 202, text: '{"accepted":true}' } : { status: 204 };
  }

  async function route(request) {
    const body = await readBody(request);
    const path = request.url.split('?')[0];
    if (path === PATH) {
      if (request.method !== 'POST') throw new Refused(405, 'only POST', { Allow: 'POST' });
      return receive(request, body);
    }
    if (request.method === 'GET' && path === '/healthz') return { status: 200, text: '{"status":"ok"}' };
    if (request.method === 'GET' && path === '/metrics') {
      return { status: 200, text: metrics.text(), headers: { 'Content-Type': 'text/plain; version=0.0.4' } };
    }
    throw new Refused(404, 'not found');
  }

  async function handle(request, response) {
    let answer;
    try {
      answer = await route(request);
    } catch (error) {
      if (request.destroyed && !request.complete) return; // the sender left
      answer = refusal(error);
      const event = { type: request.headers['x-moncreneau-event'], deliveryId: request.headers['x-moncreneau-delivery'] };
      log(answer.status < 500 ? 'warn' : 'error', 'Webhook refused', event, { status: answer.status, reason: error.message });
    }
    response.writeHead(answer.status, { ...(answer.text && { 'Content-Type': 'application/json' }), ...answer.headers });
    response.end(answer.text);
  }

  return createServer({ requestTimeout: 30_000, headersTimeout: 30_000, keepAliveTimeout: 75_000 }, handle);
}

function refusal(error) {
  if (error instanceof Invalid) error = new Refused(400, error.message);
  // Anything else is ours: the journal cannot be written, or a bug. The sender comes again.
  if (!(error instanceof Refused)) error = new Refused(503, 'try again later');
  return { status: error.status, text: JSON.stringify({ error: error.message }), headers: error.headers };
}

// readBody resolves to undefined for a body that is too long, after reading it
// to its end: a sender that is still writing would not hear the answer.
async function readBody(request) {
  let length = 0;
  let chunks = [];
  for await (const chunk of request) {
    length += chunk.length;
    if (length <= LARGEST_BODY) chunks.push(chunk);
    else chunks = [];
  }
  return length <= LARGEST_BODY ? Buffer.concat(chunks) : undefined;
}

function checkSignature(request, body, secret) {
  const given = request.headersDistinct['x-moncreneau-signature'] ?? [];
  const match = given.length === 1 && /^sha256=([0-9a-f]{64})$/.exec(given[0]);
  const expected = createHmac('sha256', secret).update(body).digest();
  if (!match || !timingSafeEqual(Buffer.from(match[1], 'hex'), expected)) throw new Refused(401, 'invalid signature');
}

function checkAddress(request, { allowlist, trustedProxies }) {
  if (!allowlist) return;
  const has = (list, address) => isIP(address) !== 0 && Boolean(list?.check(address, `ipv${isIP(address)}`));
  // Each proxy appends the address that it saw, so only what our own proxies
  // wrote can be believed: from the right, up to the first stranger.
  const forwarded = (request.headers['x-forwarded-for'] ?? '').split(',').map((part) => part.trim()).filter(Boolean);
  let address = request.socket.remoteAddress.replace('::ffff:', '');
  while (forwarded.length > 0 && has(trustedProxies, address)) address = forwarded.pop();
  if (!has(allowlist, address)) throw new Refused(403, 'the address is not allowed');
}

// Knows every event that was accepted, and processes it: one call downstream,
// with retries. What it decides goes into the journal first.
import { log } from './telemetry.mjs';

export class Processor {
  #seen = new Map(); // event id -> promise, resolved once the event is in the journal
  #running = new Set();
  #timers = new Set();
  #stopping = false;

  constructor(settings, journal, metrics) {
    Object.assign(this, { settings, journal, metrics });
  }

  // recover takes up what the journal says is not done.
  recover(records) {
    const open = new Map();
    for (const record of records) {
      this.#seen.set(record.id, Promise.resolve());
      if (record.state === 'accepted') open.set(record.id, { ...record, attempts: 0, due: 0 });
      else if (record.state === 'failed') Object.assign(open.get(record.id), { attempts: record.attempts, due: record.due });
      else open.delete(record.id); // done or dead
    }
    for (const event of open.values()) this.#schedule(event);
  }

  // accept resolves once the event is on disk, to whether it was new.
  async accept(event) {
    const first = this.#seen.get(event.id);
    if (first) {
      await first; // of two deliveries at once, the second must not be acknowledged earlier
      return false;
    }
    const kept = this.journal.append({ state: 'accepted', ...event });
    this.#seen.set(event.id, kept);
    try {
      await kept;
    } catch (error) {
      this.#seen.delete(event.id);
      throw error;
    }
    this.metrics.received(event.type);
    this.#schedule({ ...event, attempts: 0, due: 0 });
    return true;
  }

  // stop lets running attempts end; what is still to be done stays in the journal.
  async stop() {
    this.#stopping = true;
    this.#timers.forEach(clearTimeout);
    await Promise.all(this.#running);
  }

  #schedule(event) {
    if (this.#stopping) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const run = this.#process(event)
        .catch((error) => this.#again(event, error))
        .finally(() => this.#running.delete(run));
      this.#running.add(run);
    }, Math.max(0, event.due - Date.now()));
    this.#timers.add(timer);
  }

  // What cannot be recorded is done again: downstream has the idempotency key.
  #again(event, error) {
    log('error', 'Journal cannot be written', event, { error: error.message });
    event.due = Date.now() + this.settings.backoff;
    this.#schedule(event);
  }

  async #process(event) {
    const { id, type } = event;
    const started = performance.now();
    const problem = await this.#callDownstream(event);
    this.metrics.took((performance.now() - started) / 1000);
    const attempts = event.attempts + 1;
    if (!problem) {
      await this.journal.append({ state: 'done', id });
      this.metrics.processed(type);
      log('info', 'Webhook processed', event, { attempt: attempts });
      return;
    }
    if (attempts >= this.settings.attempts) {
      await this.journal.append({ state: 'dead', id });
      this.metrics.failed(type);
      log('error', 'Webhook moved to the dead letter queue', event, { attempt: attempts, error: problem });
      return;
    }
    const due = Date.now() + this.settings.backoff * 2 ** (attempts - 1);
    await this.journal.append({ state: 'failed', id, attempts, due });
    this.metrics.failed(type);
    log('warn', 'Webhook processing failed, will retry', event, { attempt: attempts, error: problem });
    this.#schedule({ ...event, attempts, due });
  }

  // callDownstream returns what went wrong, if anything. Only a 2xx is success.
  async #callDownstream({ id, type, data }) {
    if (!this.settings.downstreamUrl) return undefined;
    try {
      const response = await fetch(this.settings.downstreamUrl, {
        method: 'POST',
        // Escaped, because an id can hold characters that a header cannot.
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': encodeURIComponent(id.toWellFormed()) },
        body: `{"eventId":${JSON.stringify(id)},"eventType":${JSON.stringify(type)},"data":${data}}`,
        redirect: 'manual',
        signal: AbortSignal.timeout(this.settings.downstreamTimeout),
      });
      await response.body?.cancel();
      return response.ok ? undefined : `downstream answered ${response.status}`;
    } catch (error) {
      return `downstream: ${error.cause?.message ?? error.message}`;
    }
  }
}

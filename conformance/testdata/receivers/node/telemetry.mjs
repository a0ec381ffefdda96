// Logs and metrics, with the guide's names.

// log writes one JSON object on a line. event gives the three ids.
export function log(level, message, event = {}, more = {}) {
  const { id: eventId = null, type: eventType = null, deliveryId = null } = event;
  const timestamp = new Date().toISOString();
  process.stdout.write(JSON.stringify({ timestamp, level, message, eventId, eventType, deliveryId, ...more }) + '\n');
}

const BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5]; // seconds

// Metrics count new events, processed events and failed attempts, by type.
export class Metrics {
  #counters = { webhooks_received_total: new Map(), webhooks_processed_total: new Map(), webhooks_failed_total: new Map() };
  #buckets = BUCKETS.map(() => 0);
  #sum = 0;
  #count = 0;

  received(type) { this.#increment('webhooks_received_total', type); }
  processed(type) { this.#increment('webhooks_processed_total', type); }
  failed(type) { this.#increment('webhooks_failed_total', type); }

  #increment(name, type) {
    this.#counters[name].set(type, (this.#counters[name].get(type) ?? 0) + 1);
  }

  took(seconds) {
    BUCKETS.forEach((limit, i) => { if (seconds <= limit) this.#buckets[i]++; });
    this.#sum += seconds;
    this.#count++;
  }

  // text is Prometheus' text format.
  text() {
    const lines = [];
    for (const [name, byType] of Object.entries(this.#counters)) {
      lines.push(`# TYPE ${name} counter`);
      for (const [type, count] of byType) lines.push(`${name}{type="${type}"} ${count}`);
    }
    lines.push('# TYPE webhook_processing_seconds histogram');
    BUCKETS.forEach((limit, i) => lines.push(`webhook_processing_seconds_bucket{le="${limit}"} ${this.#buckets[i]}`));
    lines.push(`webhook_processing_seconds_bucket{le="+Inf"} ${this.#count}`);
    lines.push(`webhook_processing_seconds_sum ${this.#sum}`, `webhook_processing_seconds_count ${this.#count}`);
    return lines.join('\n') + '\n';
  }
}

'use strict';

// Metrics are the guide's. The workers tell their totals now and then.
class Metrics {
  received = 0;
  processed = 0;
  failed = 0;
  attempts = 0;
  seconds = 0;

  text() {
    return [
      '# TYPE webhooks_received_total counter', `webhooks_received_total ${this.received}`,
      '# TYPE webhooks_processed_total counter', `webhooks_processed_total ${this.processed}`,
      '# TYPE webhooks_failed_total counter', `webhooks_failed_total ${this.failed}`,
      '# TYPE webhook_processing_seconds summary',
      `webhook_processing_seconds_sum ${this.seconds}`, `webhook_processing_seconds_count ${this.attempts}`, '',
    ].join('\n');
  }
}

module.exports = { Metrics };

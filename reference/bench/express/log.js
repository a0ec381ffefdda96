'use strict';

// log writes one JSON object a line. Nothing personal is in it.
function log(level, message, { eventId, eventType, deliveryId }, error) {
  process.stdout.write(`${JSON.stringify({
    timestamp: new Date().toISOString(), level, message, eventId, eventType, deliveryId, error: error && error.message,
  })}\n`);
}

module.exports = { log };

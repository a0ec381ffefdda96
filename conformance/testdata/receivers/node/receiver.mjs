#!/usr/bin/env node
// A webhook receiver in Node's standard library. See README.md.
import { once } from 'node:events';
import { Journal } from './journal.mjs';
import { FixedWindow } from './limiter.mjs';
import { Processor } from './processor.mjs';
import { newServer } from './server.mjs';
import { fromEnvironment } from './settings.mjs';
import { log, Metrics } from './telemetry.mjs';

async function start() {
  const settings = fromEnvironment();
  const metrics = new Metrics();
  const { journal, records } = await Journal.open(settings.dataDir);
  const processor = new Processor(settings, journal, metrics);
  processor.recover(records);
  const server = newServer(settings, processor, settings.rateLimit && new FixedWindow(settings.rateLimit), metrics);
  server.listen({ host: settings.host, port: settings.port, backlog: 1024 });
  await once(server, 'listening');
  log('info', 'Listening', {}, { port: server.address().port });
  const stopOnce = () => stop(server, processor, journal);
  process.once('SIGTERM', stopOnce);
  process.once('SIGINT', stopOnce);
}

async function stop(server, processor, journal) {
  log('info', 'Stopping');
  // Only idle connections are closed: a delivery that is being answered gets its answer.
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 5000).unref())]);
  await processor.stop();
  await journal.close();
  process.exit(0);
}

start().catch((error) => {
  console.error(`receiver: ${error.message}`);
  process.exit(1);
});

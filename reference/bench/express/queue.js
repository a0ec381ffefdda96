// A queue in Redis. A job is in exactly one of these, and moves in one step:
//
//   pending -> active          a worker takes it
//   active  -> (gone)          it is processed
//   active  -> delayed         its attempt failed
//   delayed -> pending         its next attempt is due
//   active  -> dead            its last attempt failed
'use strict';

const { createClient, defineScript } = require('redis');

const socket = './redis.sock';

function script(keys, source, transform) {
  return defineScript({
    NUMBER_OF_KEYS: keys.length,
    SCRIPT: source,
    transformArguments: (...args) => [...keys, ...args],
    transformReply: transform || ((reply) => reply),
  });
}

const scripts = {
  // Dedupe and enqueue in one step.
  acceptJob: script(['seen', 'pending'], `
    if redis.call('SADD', KEYS[1], ARGV[1]) == 0 then return 0 end
    redis.call('LPUSH', KEYS[2], ARGV[2])
    return 1`),
  promoteJobs: script(['delayed', 'pending'], `
    local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 100)
    for _, job in ipairs(due) do
      redis.call('ZREM', KEYS[1], job)
      redis.call('LPUSH', KEYS[2], job)
    end
    return #due`),
  // What was active when the workers were killed is done again.
  recoverJobs: script(['active', 'pending'], `
    local n = 0
    while redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT') do n = n + 1 end
    return n`),
};

class Queue {
  // connect waits for a Redis that is starting or reading its log.
  static async connect() {
    const client = createClient({ scripts, socket: { path: socket, reconnectStrategy: () => 50 } });
    client.on('error', () => {}); // it reconnects
    await client.connect();
    const loading = async () => client.ping().then(() => false, () => true);
    while (await loading()) await new Promise((done) => setTimeout(done, 50));
    return new Queue(client);
  }

  constructor(client) { this.client = client; }

  async accept(job) { return (await this.client.acceptJob(job.eventId, JSON.stringify(job))) === 1; }

  recover() { return this.client.recoverJobs(); }

  promote() { return this.client.promoteJobs(String(Date.now())); }

  // take waits for a job, for a second at most.
  take() { return this.client.blMove('pending', 'active', 'RIGHT', 'LEFT', 1); }

  done(raw) { return this.client.lRem('active', 1, raw); }

  again(raw, job, wait) {
    return this.client.multi().lRem('active', 1, raw)
      .zAdd('delayed', { score: Date.now() + wait, value: JSON.stringify(job) }).exec();
  }

  bury(raw, job) {
    return this.client.multi().lRem('active', 1, raw).lPush('dead', JSON.stringify(job)).exec();
  }

  close() { return this.client.quit(); }
}

module.exports = { Queue };

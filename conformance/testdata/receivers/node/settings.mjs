// What the environment says, checked at start.
import { BlockList, isIP } from 'node:net';

const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

export function fromEnvironment(env = process.env) {
  return {
    secret: required(env, 'MONCRENEAU_WEBHOOK_SECRET'),
    host: env.HOST ?? '127.0.0.1',
    port: Number(env.PORT ?? 8080),
    dataDir: required(env, 'DATA_DIR'),
    downstreamUrl: env.DOWNSTREAM_URL ?? '', // empty: an event needs no call to be done
    downstreamTimeout: duration(env.DOWNSTREAM_TIMEOUT ?? '5s'),
    rateLimit: rate(env.RATE_LIMIT ?? '100/1m'),
    attempts: Number(env.RETRY_ATTEMPTS ?? 3), // the first one included
    backoff: duration(env.RETRY_BACKOFF ?? '2s'), // before the second attempt; doubles from there
    allowlist: networks(env.ALLOWLIST), // who may deliver; undefined: everybody
    trustedProxies: networks(env.TRUSTED_PROXIES), // whose X-Forwarded-For is believed
  };
}

function required(env, name) {
  if (!env[name]) throw new Error(`${name} is not set`);
  return env[name];
}

// duration reads 5s, 250ms or 1m0s as milliseconds.
function duration(text) {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) throw new Error(`"${text}" is not a duration such as 5s, 250ms or 1m0s`);
  return [...text.matchAll(/([\d.]+)(ms|s|m|h)/g)].reduce((sum, [, n, unit]) => sum + Number(n) * MILLISECONDS[unit], 0);
}

function rate(text) {
  if (text === 'none') return undefined;
  const match = /^([1-9]\d*)\/(.+)$/.exec(text);
  if (!match) throw new Error(`RATE_LIMIT "${text}" is neither none nor like 100/1m`);
  return { requests: Number(match[1]), window: duration(match[2]) };
}

function networks(text = '') {
  const parts = text.split(',').map((part) => part.trim()).filter(Boolean);
  if (parts.length === 0) return undefined;
  const list = new BlockList();
  for (const part of parts) {
    const [address, bits] = part.split('/');
    const family = isIP(address);
    if (!family || !/^\d+$/.test(bits ?? '')) throw new Error(`"${part}" is not a network such as 41.223.45.0/24`);
    list.addSubnet(address, Number(bits), `ipv${family}`);
  }
  return list;
}

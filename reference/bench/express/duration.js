'use strict';

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

// duration reads 500ms, 2s or 1m30s, and returns milliseconds.
function duration(text) {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) throw new Error(`expected a duration such as 2s: ${text}`);
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) total += Number(number) * units[unit];
  return total;
}

module.exports = { duration };

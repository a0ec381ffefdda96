'use strict';

const { duration } = require('./duration');

// rateLimit counts in a fixed window, as express-rate-limit does by default.
function rateLimit(text) {
  if (text === 'none') return () => true;
  const [requests, window] = text.split('/');
  const most = Number(requests);
  const length = duration(window);
  let ends = 0;
  let left = 0;
  return (res) => {
    const now = Date.now();
    if (now >= ends) {
      ends = now + length;
      left = most;
    }
    const seconds = Math.ceil((ends - now) / 1000);
    res.set({ 'RateLimit-Limit': String(most), 'RateLimit-Remaining': String(Math.max(0, left - 1)), 'RateLimit-Reset': String(seconds) });
    if (left > 0) {
      left--;
      return true;
    }
    res.set('Retry-After', String(seconds));
    return false;
  };
}

module.exports = { rateLimit };

// A fixed window: it opens with the first request after the last one has ended.
export class FixedWindow {
  #opened = -Infinity;
  #used = 0;

  constructor({ requests, window }, now = () => performance.now()) {
    Object.assign(this, { requests, window, now });
  }

  // take returns 0 for a request that is admitted, or the seconds until the next window.
  take() {
    const now = this.now();
    if (now >= this.#opened + this.window) {
      this.#opened = now;
      this.#used = 0;
    }
    if (this.#used >= this.requests) return Math.ceil((this.#opened + this.window - now) / 1000);
    this.#used++;
    return 0;
  }
}

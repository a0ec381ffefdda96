// The store: a journal of JSON lines that is only ever appended to, read from
// its beginning at start.
//
// Many deliveries share one fdatasync (group commit): while one is under way,
// what comes in waits for the next.
import { mkdir, open, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';

export class Journal {
  #file;
  #batch = [];
  #flushing;
  #failure; // a write that failed may have left half a line, which only a start can clean up

  // open returns a journal and the records that it holds already.
  static async open(directory) {
    await mkdir(directory, { recursive: true });
    const path = join(directory, 'journal.ndjson');
    const journal = new Journal();
    journal.#file = await open(path, 'a');
    const bytes = await readFile(path);
    // A crash in the middle of a write leaves half a line. Nobody was told that
    // it was kept, so it goes.
    const whole = bytes.lastIndexOf(0x0a) + 1;
    if (whole < bytes.length) await truncate(path, whole);
    const directoryHandle = await open(directory);
    await directoryHandle.sync(); // the file's name must survive, too
    await directoryHandle.close();
    const records = bytes.subarray(0, whole).toString().split('\n').slice(0, -1).map((line) => JSON.parse(line));
    return { journal, records };
  }

  // append resolves once the record is on disk.
  append(record) {
    return new Promise((resolve, reject) => {
      this.#batch.push({ line: JSON.stringify(record) + '\n', resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  async #flush() {
    while (this.#batch.length > 0) {
      const batch = this.#batch;
      this.#batch = [];
      try {
        if (this.#failure) throw this.#failure;
        await this.#file.appendFile(batch.map((entry) => entry.line).join(''));
        await this.#file.datasync();
        for (const entry of batch) entry.resolve();
      } catch (error) {
        this.#failure = error;
        for (const entry of batch) entry.reject(error);
      }
    }
    this.#flushing = undefined;
  }

  async close() {
    await this.#flushing;
    await this.#file.close();
  }
}

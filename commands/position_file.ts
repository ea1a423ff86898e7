/**
 * Where a reading stopped, for the next one.
 *
 * @module
 */

import { RelayError } from "../src/errors.ts";
import { formatPosition, parsePosition, type Position } from "../src/protocol/position.ts";
import { reasonOf } from "./options.ts";

/** How often it is written while tokens come, ms. */
const INTERVAL_MS = 500;

/**
 * A file with one JSON object `{"channel","position","complete"}`. It is replaced as a whole, after what it speaks of was
 * printed: a power cut between the two prints a little twice, and never leaves something out. A symbolic link is replaced,
 * not followed.
 */
export class PositionFile {
  readonly #path: string;
  readonly #channel: string;
  #position: Position | undefined;
  #complete = false;
  #changed = false;
  #savedAt = -Infinity;

  private constructor(path: string, channel: string) {
    this.#path = path;
    this.#channel = channel;
  }

  /** Reads `path`; a file that is not there is a reading that has not begun. @throws {RelayError} `usage` where it does not serve. */
  static async open(path: string, { channel }: { channel: string }): Promise<PositionFile> {
    const file = new PositionFile(path, channel);
    let text;
    try {
      text = await Deno.readTextFile(path);
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return file;
      throw new RelayError("usage", `Cannot read ${path}: ${reasonOf(cause)}`, { cause });
    }
    file.#parse(text);
    return file;
  }

  /** Where to go on, as options of a consumer. */
  get resume(): { from?: Position; complete?: boolean } {
    return this.#position === undefined ? {} : { from: this.#position, complete: this.#complete };
  }

  /** What comes before `position` is printed; `complete`: the run has ended there. */
  reached(position: Position, complete: boolean): void {
    this.#position = position;
    this.#complete = complete;
    this.#changed = true;
  }

  /** Whether it is time to write it. */
  get due(): boolean {
    return performance.now() - this.#savedAt > INTERVAL_MS;
  }

  /** Writes it where something has changed. @throws {RelayError} `usage` where that fails. */
  async save(): Promise<void> {
    if (!this.#changed || this.#position === undefined) return;
    const text = JSON.stringify({
      channel: this.#channel,
      position: formatPosition(this.#position),
      complete: this.#complete,
    });
    this.#changed = false;
    this.#savedAt = performance.now();
    try {
      await replace(this.#path, `${text}\n`);
    } catch (cause) {
      this.#changed = true;
      throw new RelayError("usage", `Cannot write ${this.#path}: ${reasonOf(cause)}`, { cause });
    }
  }

  #parse(text: string): void {
    let channel;
    try {
      const value = JSON.parse(text);
      channel = value.channel;
      this.#position = parsePosition(value.position);
      this.#complete = value.complete === true;
    } catch (cause) {
      throw new RelayError(
        "usage",
        `Cannot use ${this.#path}: it is no position file. Remove it to begin at the start`,
        { cause },
      );
    }
    if (channel === this.#channel) return;
    throw new RelayError("usage", `Cannot use ${this.#path}: it belongs to another channel`);
  }
}

/**
 * Puts `text` in the place of what `path` has, or of nothing. The draft beside it has a name that nobody can have put a link
 * under, and is on the disk before it takes the place.
 */
async function replace(path: string, text: string): Promise<void> {
  const draft = `${path}.${crypto.randomUUID().slice(0, 8)}.new`;
  try {
    await Deno.writeTextFile(draft, text, { createNew: true });
    using file = await Deno.open(draft);
    await file.sync();
    await Deno.rename(draft, path);
  } catch (cause) {
    await Deno.remove(draft).catch(() => {}); // it may never have been there
    throw cause;
  }
}

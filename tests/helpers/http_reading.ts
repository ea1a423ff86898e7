/**
 * A reader of an HTTP body that comes bit by bit, and an event stream taken apart by the rules of WHATWG HTML §9.2.6.
 *
 * @module
 */

import { within } from "./within.ts";

/** A body, and whether it came to its proper end. */
export interface WholeBody {
  readonly text: string;
  readonly whole: boolean;
}

/** An event, as `EventSource` would dispatch it. */
export interface ReadEvent {
  readonly event: string;
  readonly id: string;
  readonly data: string;
}

/** An answer whose body is still coming; leaving its `await using` block leaves it. */
export class HttpReading implements AsyncDisposable {
  readonly response: Response;
  /** What has come so far. */
  text = "";
  readonly #reader: ReadableStreamDefaultReader<string>;

  private constructor(response: Response) {
    this.response = response;
    this.#reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Asks for `url`; resolves when the head of the answer is there. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<HttpReading> {
    const asked = fetch(url.replace(/^ws/, "http"), { headers });
    return new HttpReading(await within(asked, `an answer of ${url}`));
  }

  /** Resolves when what has come matches. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) await this.#more(String(pattern));
  }

  /** Resolves when so many characters have come. */
  async untilLength(length: number): Promise<void> {
    while (this.text.length < length) await this.#more(`${length} characters`);
  }

  /** Reads to the end. */
  async rest(): Promise<WholeBody> {
    try {
      for (;;) {
        const { done, value } = await within(this.#reader.read(), `the end after ${this.text}`);
        if (done) return { text: this.text, whole: true };
        this.text += value;
      }
    } catch (error) {
      if (error instanceof Error && /Cannot wait/.test(error.message)) throw error;
      return { text: this.text, whole: false };
    }
  }

  async #more(wanted: string): Promise<void> {
    const { done, value } = await within(this.#reader.read(), wanted);
    if (done) throw new Error(`body ended without ${wanted}: ${this.text.slice(-1000)}`);
    this.text += value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => {}); // it may have been broken off
  }
}

/** Reads a body to its end. */
export async function readAll(
  url: string,
  headers: Record<string, string> = {},
): Promise<WholeBody & { response: Response }> {
  await using reading = await HttpReading.open(url, headers);
  return { ...await reading.rest(), response: reading.response };
}

/** The events of a stream; an unfinished one at its end is none. */
export function eventsOf(stream: string): ReadEvent[] {
  const events: ReadEvent[] = [];
  let [event, data, id] = ["", undefined as string | undefined, ""];
  for (const line of stream.split(/\r\n|\n|\r/).slice(0, -1)) {
    if (line === "") {
      if (data !== undefined) events.push({ event: event || "message", id, data });
      [event, data] = ["", undefined];
      continue;
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line)!;
    if (field === "event") event = value;
    if (field === "id" && !value.includes("\0")) id = value;
    if (field === "data") data = data === undefined ? value : `${data}\n${value}`;
  }
  return events;
}

/**
 * Opens sealed messages and proves their place: that they came from the first to the last as they were sent, in this
 * channel, in this run.
 *
 * @module
 */

import { RelayError } from "../errors.ts";
import type { Envelope } from "./envelope.ts";

/** An epoch that begins with the start of its run: ms since 1970, in base 36, of fixed width. */
const TIMED_EPOCH = /^[0-9a-z]{9}-[A-Za-z0-9_-]{12}$/;
const TIME_DIGITS = 9;

/** A run, and how far it is read. */
interface Run {
  /** As the relay announced it, or, where it did not, as the first message has it. */
  epoch: string | undefined;
  /** The number of the message that is expected next. */
  next: number;
  /** Whether a message has proven the epoch. */
  proven: boolean;
}

/** The fields that {@linkcode StreamSealer} adds to a message. */
interface Place {
  readonly ch: string;
  readonly ep: string;
  readonly n: number;
}

/**
 * Opens the messages of a channel that {@linkcode StreamSealer} sealed. A relay that drops, repeats, reorders, alters
 * or injects messages, or takes them from another channel or run, is found out at the first that is not the next one;
 * neither that nor any later one is handed out.
 *
 * What the relay *says* it can still choose: to begin with an older run where no newer one has been seen, to call
 * messages forgotten ({@linkcode skipTo}), to end early. So a run is only complete with its sealed `done`. Runs whose
 * epoch does not begin with a time are told apart, but not by age.
 *
 * A producer that writes no places, as the Python package, is read too, with {@linkcode proven} `false`: then only
 * `Envelope`'s own promise holds.
 *
 * @example
 * ```ts
 * import { Envelope } from "./envelope.ts";
 * import { generateKey } from "./key.ts";
 * import { StreamOpener } from "./stream_opener.ts";
 * import { StreamSealer } from "./stream_sealer.ts";
 * import assert from "node:assert/strict";
 *
 * const envelope = await Envelope.create(generateKey());
 * const epoch = "0mg3x9k2a-Zk3_b0aTq9-x";
 * const sealer = new StreamSealer(envelope, { channel: "job-7", epoch });
 * const first = await sealer.seal('{"type":"token","content":"Hi"}', 0);
 * const third = await sealer.seal('{"type":"done"}', 2);
 *
 * const opener = new StreamOpener(envelope, { channel: "job-7" });
 * opener.expect(epoch, 0);
 * assert.deepEqual(await opener.open(first), { type: "token", content: "Hi" });
 * await assert.rejects(opener.open(third), /message 2 where 1 was expected/);
 * ```
 */
export class StreamOpener {
  readonly #envelope: Envelope;
  readonly #channel: string;
  /** The run that the next message belongs to, if the relay is right. */
  #run: Run = { epoch: undefined, next: 0, proven: false };
  /** The run of the last message taken: one that is only announced changes nothing yet. */
  #read: Run | undefined;
  /** The newest epoch with a time that a message has proven. One only announced may be forged, and far in the future. */
  #newest: string | undefined;
  #proven: boolean | undefined;
  /** The result of the last call: each waits for the one before, and fails with it. */
  #last: Promise<unknown> = Promise.resolve();

  /** `channel` is the id that every message must have been sealed for. */
  constructor(envelope: Envelope, { channel }: { channel: string }) {
    this.#envelope = envelope;
    this.#channel = channel;
  }

  /** The number of the message that the next {@linkcode open} is to be given. */
  get next(): number {
    return this.#run.next;
  }

  /**
   * Whether the messages carry their places; `undefined` before the first one. A stream has all of them with places or
   * all without, through all its runs: those without could come from any stream under the same key.
   */
  get proven(): boolean | undefined {
    return this.#proven;
  }

  /** Messages of run `epoch` were read before, by an earlier reader: none that is older is read. */
  seen(epoch: string): void {
    if (TIMED_EPOCH.test(epoch)) this.#newest = epoch;
  }

  /**
   * The run that the relay says follows, `undefined` where it does not say, and the number of the next message: at the
   * beginning, after a reconnect (the same as before), at a restart (another epoch). Where it is never called, any run
   * is read from message 0.
   *
   * @throws {RelayError} `integrity` where the run is older than one read before, or is being read but not at `n`.
   */
  expect(epoch: string | undefined, n: number): void {
    checkNumber(n);
    const read = this.#read;
    if (read !== undefined && mayBeSame(read.epoch, epoch)) {
      if (n !== read.next) throw outOfOrder(n, read.next);
      read.epoch ??= epoch;
      this.#run = read; // maybe from a run that was announced, and never came
      return;
    }
    this.#refuseOlder(epoch);
    this.#run = { epoch, next: n, proven: false };
  }

  /**
   * The relay stated that messages before `n` are missing: goes on there.
   *
   * @throws {RelayError} `integrity` where that is below {@linkcode next}.
   */
  skipTo(n: number): void {
    checkNumber(n);
    if (n < this.#run.next) throw outOfOrder(n, this.#run.next);
    this.#run.next = n;
  }

  /**
   * Decrypts one envelope and checks that it is the next message; resolves with the message as it was before it was
   * sealed. Calls may run side by side: each takes its place when it is made, and they settle in that order. How many
   * are under way is the caller's to bound. After a failure all later ones fail with it.
   *
   * @throws {RelayError} `integrity`, with what is wrong.
   */
  open(text: string): Promise<Record<string, unknown>> {
    const run = this.#run;
    this.#read = run;
    const opened = this.#inTurn(this.#last, handled(this.#envelope.open(text)), run, run.next++);
    this.#last = handled(opened);
    return opened;
  }

  async #inTurn(
    previous: Promise<unknown>,
    opening: Promise<string>,
    run: Run,
    expected: number,
  ): Promise<Record<string, unknown>> {
    await previous;
    const message = parseObject(await opening);
    const place = placeOf(message);
    if (this.#proven === (place === undefined)) {
      throw fault("messages with and without their place in the stream are mixed");
    }
    if (place !== undefined) this.#prove(place, run, expected);
    this.#proven = place !== undefined;
    return place === undefined ? message : withoutPlace(message);
  }

  #prove({ ch, ep, n }: Place, run: Run, expected: number): void {
    if (ch !== this.#channel) throw fault("a message belongs to another channel");
    if (ep !== (run.epoch ?? ep)) throw fault("a message belongs to another run of the channel");
    if (n !== expected) throw outOfOrder(n, expected);
    if (run.proven) return;
    // Again, as the run may have come without an epoch, or before an earlier one was proven.
    this.#refuseOlder(ep);
    if (TIMED_EPOCH.test(ep)) this.#newest = ep;
    run.epoch = ep;
    run.proven = true;
  }

  /** Two runs that started in one millisecond count as the same age, and the second is refused. */
  #refuseOlder(epoch: string | undefined): void {
    if (this.#newest === undefined || epoch === undefined || !TIMED_EPOCH.test(epoch)) return;
    if (epoch === this.#newest && this.#proven === undefined) return; // an earlier reader left off in it
    if (epoch.slice(0, TIME_DIGITS) <= this.#newest.slice(0, TIME_DIGITS)) {
      throw fault(
        "the relay replays an older run of the channel, or the clock of the new run's producer is behind",
      );
    }
  }
}

/** Whether two announcements are of one run, for all that is known: where an epoch is missing they may be. */
function mayBeSame(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined || a === b;
}

/** `undefined` where there is none. A `p` alone is no place but the message's own. */
function placeOf({ ch, ep, n, p }: Record<string, unknown>): Place | undefined {
  if (ch === undefined && ep === undefined && n === undefined) return undefined;
  const padded = p === undefined || typeof p === "string";
  if (typeof ch !== "string" || typeof ep !== "string" || !isMessageNumber(n) || !padded) {
    throw fault("the place that a message has in the stream is incomplete or malformed");
  }
  return { ch, ep, n };
}

function withoutPlace(message: Record<string, unknown>): Record<string, unknown> {
  const { ch: _ch, ep: _ep, n: _n, p: _p, ...rest } = message;
  return rest;
}

/** The parser's error is dropped: it quotes content. */
function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fault("a message is not JSON");
  }
  if (isObject(value)) return value;
  throw fault("a message is not a JSON object");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMessageNumber(n: unknown): n is number {
  return Number.isSafeInteger(n) && Number(n) >= 0;
}

function checkNumber(n: number): void {
  if (!isMessageNumber(n)) throw fault("the relay stated the number of a message that is none");
}

/**
 * Keeps a rejection from counting as unhandled, which would end the process, before its turn comes to be awaited: the
 * failure of an earlier message comes first, and then it is never. Whoever awaits the promise is still told.
 */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function outOfOrder(n: number, expected: number): RelayError {
  return fault(
    `message ${n} where ${expected} was expected: the relay dropped, repeated or reordered messages`,
  );
}

function fault(why: string): RelayError {
  return new RelayError("integrity", `Cannot trust the stream: ${why}.`);
}

/**
 * Opens sealed messages and proves their place: that they came from the first to the last as they were sent, in this
 * channel, in this run.
 *
 * @module
 */

import type { RelayError } from "../errors.ts";
import type { Envelope } from "./envelope.ts";
import { integrityFault } from "./integrity_fault.ts";
import { NewestRun } from "./newest_run.ts";
import { isMessageNumber, type Place, placeOf, withoutPlace } from "./place.ts";

/** A run, and how far it is read. */
interface Run {
  /** As the relay announced it, or, where it did not, as the first message has it. */
  epoch: string | undefined;
  /** The number of the message that is expected next. */
  next: number;
  /** Whether a message has proven the epoch. */
  proven: boolean;
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
  readonly #newest = new NewestRun();
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
    this.#newest.seen(epoch);
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
      throw integrityFault("messages with and without their place in the stream are mixed");
    }
    if (place !== undefined) this.#prove(place, run, expected);
    this.#proven = place !== undefined;
    return place === undefined ? message : withoutPlace(message);
  }

  #prove({ ch, ep, n }: Place, run: Run, expected: number): void {
    if (ch !== this.#channel) throw integrityFault("a message belongs to another channel");
    if (ep !== (run.epoch ?? ep)) {
      throw integrityFault("a message belongs to another run of the channel");
    }
    if (n !== expected) throw outOfOrder(n, expected);
    if (run.proven) return;
    // Again, as the run may have come without an epoch, or before an earlier one was proven.
    this.#refuseOlder(ep);
    this.#newest.seen(ep);
    run.epoch = ep;
    run.proven = true;
  }

  #refuseOlder(epoch: string | undefined): void {
    const leftOff = this.#proven === undefined && this.#newest.is(epoch); // there by an earlier reader
    if (!leftOff) this.#newest.check(epoch);
  }
}

/** Whether two announcements are of one run, for all that is known: where an epoch is missing they may be. */
function mayBeSame(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined || a === b;
}

/** The parser's error is dropped: it quotes content. */
function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw integrityFault("a message is not JSON");
  }
  if (isObject(value)) return value;
  throw integrityFault("a message is not a JSON object");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkNumber(n: number): void {
  if (!isMessageNumber(n)) {
    throw integrityFault("the relay stated the number of a message that is none");
  }
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
  return integrityFault(
    `message ${n} where ${expected} was expected: the relay dropped, repeated or reordered messages`,
  );
}

/**
 * The other side of a measurement between hosts: sends back what it gets.
 *
 * @module
 */

import { RelayConsumer } from "../client/consumer.ts";
import type { StreamEvent } from "../client/stream_event.ts";
import { RelayProducer } from "../client/producer.ts";
import { pause } from "../client/backoff.ts";
import { Deadline } from "../client/deadline.ts";
import { RelayError } from "../errors.ts";
import {
  alone,
  callChannel,
  checkEchoId,
  echoLane,
  type EchoSession,
  readyChannel,
  sessionIn,
} from "./echo_call.ts";
import { AWAY_MS, type Endpoint, LaneReader } from "./lane.ts";

/** Options of {@linkcode answerEcho}. */
export interface EchoOptions extends Endpoint {
  /** How long a call is waited for, ms. */
  readonly timeoutMs: number;
  /** A measurement begins, with so many streams. */
  readonly onCall?: (streams: number) => void;
  /** So many messages were sent back, in all. */
  readonly onProgress?: (messages: number) => void;
  readonly signal: AbortSignal;
}

/** What was done for a measurement. */
export interface EchoOutcome {
  readonly streams: number;
  readonly messages: number;
}

/** Between two looks at a channel in which an earlier measurement still is, ms. */
const STALE_MS = 1_000;

/**
 * Waits for a measurement with this id and sends all its streams back, message by message, as they come.
 *
 * @throws {RelayError} `timeout` where none begins, `incomplete` where it ended early, `usage` for an id that is none.
 *
 * @example
 * ```ts
 * import { answerEcho } from "./echo.ts";
 * import { evenModel } from "./model.ts";
 * import { measureTtft } from "./ttft.ts";
 * import { startRelay } from "../mod.ts";
 * import assert from "node:assert/strict";
 *
 * await using relay = await startRelay({ port: 0 });
 * const { signal } = new AbortController();
 * const shared = { url: relay.url, signal };
 * const model = evenModel({ prefillMs: 10, rate: 200, tokens: 20 });
 * const echo = { id: "node-7", timeoutMs: 10_000 };
 * const answering = answerEcho(echo.id, { ...shared, timeoutMs: 10_000 });
 * const { result } = await measureTtft({ ...shared, model, runs: 1, parallel: 1, echo });
 * assert.equal(result.perToken.method, "ping-pong halves");
 * assert.equal((await answering).streams, 2);
 * ```
 */
export async function answerEcho(id: string, options: EchoOptions): Promise<EchoOutcome> {
  checkEchoId(id);
  const stop = new AbortController();
  using deadline = new Deadline(AbortSignal.any([options.signal, stop.signal]));
  const seconds = options.timeoutMs / 1000;
  deadline.set(
    options.timeoutMs,
    `No measurement has begun for ${seconds} s. On the other host run: streamrelay bench ttft --echo ${id}`,
  );
  const { signal } = deadline;
  for (;;) {
    const call = new Call(id, { ...options, signal });
    const session = await call.session();
    if (session === undefined) {
      await pause(STALE_MS, signal);
      continue;
    }
    deadline.set(undefined, "");
    options.onCall?.(session.lanes);
    return await new Answer(session, { ...options, signal, stop }).run(call);
  }
}

/** The channel in which the side that measures says what it is about to do, and that it is done. */
class Call {
  readonly #id: string;
  readonly #events: AsyncGenerator<StreamEvent, void, undefined>;

  constructor(id: string, { url, secret, encryptionKey, signal }: EchoOptions) {
    this.#id = id;
    const consumer = new RelayConsumer({
      url,
      secret,
      encryptionKey,
      channel: callChannel(id),
      giveUpMs: AWAY_MS,
      signal,
    });
    this.#events = consumer.events();
  }

  /** What is asked for; `undefined` where what the channel has is over. */
  async session(): Promise<EchoSession | undefined> {
    for (let next = await this.#events.next(); !next.done; next = await this.#events.next()) {
      const event = next.value;
      if (event.kind === "producer" && OVER.has(event.state)) break;
      if (event.kind !== "messages") continue;
      if (event.position === undefined) throw plain();
      for (const message of event.messages) {
        const session = sessionIn(message, this.#id);
        if (session !== undefined) return session;
      }
    }
    await this.#events.return();
    return undefined;
  }

  /** Resolves when the measurement is done. @throws {RelayError} where it ended otherwise. */
  async done(): Promise<void> {
    while (!(await this.#events.next()).done);
  }
}

/** States of a producer that has done its work, or may have gone for good. */
const OVER: ReadonlySet<string> = new Set(["ended", "away"]);

/** Options of {@linkcode Answer}. */
interface AnswerOptions extends EchoOptions {
  /** Aborts `signal`. */
  readonly stop: AbortController;
}

/** The answer to one call. */
class Answer {
  readonly #session: EchoSession;
  readonly #options: AnswerOptions;
  #messages = 0;

  constructor(session: EchoSession, options: AnswerOptions) {
    this.#session = session;
    this.#options = options;
  }

  async run(call: Call): Promise<EchoOutcome> {
    const { lanes: streams } = this.#session;
    await using ready = await this.#ready();
    const lanes = Array.from({ length: streams }, (_, index) => this.#sendBack(index));
    const tasks = [call.done(), ...lanes.map(({ finished }) => finished)];
    // the first failure ends the others, and is the one that is told
    for (const task of tasks) task.catch((error) => this.#options.stop.abort(early(error)));
    try {
      await Promise.all(lanes.map(({ there }) => there));
      await ready.event("ready");
      await Promise.allSettled(tasks);
      this.#options.signal.throwIfAborted();
      await ready.done();
      return { streams, messages: this.#messages };
    } catch (error) {
      await ready.error("it was stopped").catch(() => {}); // `error` is what is told
      throw error;
    }
  }

  /** Says that it is ready, until it is done. */
  async #ready(): Promise<RelayProducer> {
    try {
      return await this.#producer(readyChannel(this.#session));
    } catch (error) {
      throw alone(error, "echo", this.#session.id);
    }
  }

  /** Sends one stream back; `there` resolves once it is read. */
  #sendBack(index: number): { there: Promise<void>; finished: Promise<void> } {
    const { url, secret, encryptionKey, signal, stop } = this.#options;
    const { there: channel, back } = echoLane(this.#session, index);
    const producing = this.#producer(back);
    let sending = Promise.resolve();
    const reader = new LaneReader({
      ...{ url, secret, encryptionKey, channel, signal },
      onTokens: (contents) => {
        sending = producing.then((producer) => this.#send(producer, contents));
        sending.catch((error) => stop.abort(error));
      },
    });
    const finished = (async () => {
      await using producer = await producing;
      await reader.finished;
      await sending;
      await producer.done();
    })();
    return { there: Promise.all([producing, reader.ready]).then(() => {}), finished };
  }

  async #send(producer: RelayProducer, contents: readonly string[]): Promise<void> {
    await producer.sendAll(contents.map((content) => ({ type: "token", content })));
    this.#options.onProgress?.(this.#messages += contents.length);
  }

  #producer(channel: string): Promise<RelayProducer> {
    const { url, secret, encryptionKey, signal } = this.#options;
    const giveUpMs = AWAY_MS;
    return RelayProducer.connect({ url, secret, encryptionKey, channel, giveUpMs, signal });
  }
}

/** What the end of a stream, otherwise than by its `done`, means here. */
function early(error: unknown): unknown {
  const known = error instanceof RelayError && /^(incomplete|producer_error)$/.test(error.code);
  if (!known) return error;
  return new RelayError("incomplete", `The measurement ended early: ${error.message}`);
}

function plain(): RelayError {
  return new RelayError(
    "unreachable",
    "This relay speaks the plain protocol (v1): streams cannot be sent back through it",
  );
}

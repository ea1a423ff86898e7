/**
 * How the two sides of a measurement between hosts find each other: channels of one id.
 *
 * @module
 */

import { RelayConsumer } from "../client/consumer.ts";
import { type ProducerOptions, RelayProducer } from "../client/producer.ts";
import { RelayError } from "../errors.ts";
import { isChannelId, newChannelId } from "../protocol/channel_id.ts";
import type { EventMessage, Message } from "../protocol/message.ts";
import { AWAY_MS, type Endpoint, type Lane } from "./lane.ts";

/** What both sides know of a measurement. */
export interface EchoSession {
  readonly id: string;
  /** Names the channels of this measurement: those of an earlier one may still be retained. */
  readonly session: string;
  /** Streams that are sent back. */
  readonly lanes: number;
}

/** Most streams of one measurement. */
export const MOST_LANES = 2_000;

const VERSION = 1;
const SESSION = /^[0-9a-f]{8}$/;
const EVENT = "bench-echo";
/** For `-`, the session, the role and the number. */
const LONGEST_ID = 100;

/** The channel in which the side that measures says what it is about to do. */
export function callChannel(id: string): string {
  return `${id}-bench`;
}

/** The channel in which the other side says that it is ready, until it is done. */
export function readyChannel({ id, session }: EchoSession): string {
  return `${id}-${session}-ready`;
}

/** The channels of stream `index`. */
export function echoLane({ id, session }: EchoSession, index: number): Lane {
  return { there: `${id}-${session}-ping-${index}`, back: `${id}-${session}-pong-${index}` };
}

/** @throws {RelayError} `bad_channel` where `id` cannot begin the names of channels. */
export function checkEchoId(id: string): void {
  if (isChannelId(id) && id.length <= LONGEST_ID) return;
  throw new RelayError(
    "bad_channel",
    `Cannot use that id: 1 to ${LONGEST_ID} characters of A-Z a-z 0-9 . _ ~ -`,
  );
}

/** What a message of {@linkcode callChannel} says; `undefined` where it is another one. */
export function sessionIn(message: Message, id: string): EchoSession | undefined {
  const { type, name, data } = message as EventMessage;
  if (type !== "event" || name !== EVENT) return undefined;
  const { version, session, lanes } = (data ?? {}) as Record<string, unknown>;
  const known = version === VERSION && typeof session === "string" && SESSION.test(session);
  if (
    !known || !Number.isInteger(lanes) ||
    !((lanes as number) >= 1 && (lanes as number) <= MOST_LANES)
  ) {
    throw new RelayError("protocol", "What calls the echo is another version of streamrelay");
  }
  return { id, session: session as string, lanes: lanes as number };
}

/** Options of {@linkcode callEcho}. */
export interface EchoCallOptions extends Endpoint {
  readonly lanes: number;
  /** How long the other side is waited for, ms. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A call that was answered. Leaving its `await using` block ends it, with an error before {@linkcode EchoCall.done}. */
export interface EchoCall extends AsyncDisposable {
  /** Rejects when the other side has gone; never resolves before the end. */
  readonly lost: Promise<void>;
  /** The channels of stream `index`. */
  lane(index: number): Lane;
  /** All came back: the other side may go. */
  done(): Promise<void>;
}

/**
 * Asks the other side, which may come later, to send `lanes` streams back.
 *
 * @throws {RelayError} `timeout` where nobody answers.
 */
export async function callEcho(id: string, options: EchoCallOptions): Promise<EchoCall> {
  checkEchoId(id);
  const { url, secret, encryptionKey, lanes, timeoutMs, signal } = options;
  const endpoint = { url, secret, encryptionKey };
  const session: EchoSession = { id, session: newChannelId().slice(0, 8), lanes };
  const channel = callChannel(id);
  const caller = await connect({ ...endpoint, channel, giveUpMs: AWAY_MS, signal }, id);
  const stop = new AbortController();
  const end = async (how: () => Promise<void>) => {
    await ignoreLoss(how);
    stop.abort();
  };
  try {
    await caller.event(EVENT, { version: VERSION, session: session.session, lanes });
    const answer = new Answer(session, {
      ...endpoint,
      timeoutMs,
      signal: AbortSignal.any([signal, stop.signal]),
    });
    await answer.ready;
    return {
      lost: answer.lost,
      lane: (index) => echoLane(session, index),
      done: () => end(() => caller.done()),
      async [Symbol.asyncDispose]() {
        if (!stop.signal.aborted) await end(() => caller.error("the measurement was ended early"));
        await caller[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await end(() => caller.error("nobody answered in time"));
    throw error;
  }
}

async function connect(options: ProducerOptions, id: string): Promise<RelayProducer> {
  try {
    return await RelayProducer.connect(options);
  } catch (error) {
    throw alone(error, "measurement", id);
  }
}

/** The error of a channel that another process has, in words for who knows of no channel. */
export function alone(error: unknown, what: "measurement" | "echo", id: string): unknown {
  if (!(error instanceof RelayError) || error.code !== "producer_exists") return error;
  return new RelayError("producer_exists", `Another ${what} with the id ${id} is running`);
}

/** What the other side says. */
class Answer {
  readonly ready: Promise<void>;
  readonly lost: Promise<void>;

  constructor(
    session: EchoSession,
    options: Endpoint & { timeoutMs: number; signal: AbortSignal },
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    this.lost = this.#read(session, options, resolve);
    this.lost.catch(reject);
    promise.catch(() => {}); // as `lost`, which has its listeners
  }

  async #read(
    session: EchoSession,
    { signal, timeoutMs, ...endpoint }: Endpoint & { timeoutMs: number; signal: AbortSignal },
    ready: () => void,
  ): Promise<void> {
    const channel = readyChannel(session);
    const consumer = new RelayConsumer({
      ...endpoint,
      channel,
      timeoutMs,
      signal,
      giveUpMs: AWAY_MS,
    });
    try {
      for await (const message of consumer.messages()) if (message.type === "event") ready();
    } catch (error) {
      signal.throwIfAborted();
      throw gone(error, { id: session.id, timeoutMs });
    }
  }
}

/** What the failure of the other side means here. */
function gone(error: unknown, { id, timeoutMs }: { id: string; timeoutMs: number }): unknown {
  if (!(error instanceof RelayError)) return error;
  switch (error.code) {
    case "timeout":
      return new RelayError(
        "timeout",
        `Nobody has answered for ${
          timeoutMs / 1000
        } s. On the other host run: streamrelay bench echo ${id}`,
      );
    case "producer_error":
    case "incomplete":
      return new RelayError("incomplete", `The echo on the other host has gone: ${error.message}`);
    default:
      return error;
  }
}

/** Ends a stream of which nobody may be left to know. */
async function ignoreLoss(end: () => Promise<void>): Promise<void> {
  try {
    await end();
  } catch (error) {
    if (!(error instanceof RelayError)) throw error; // the relay has gone, as was or will be told
  }
}

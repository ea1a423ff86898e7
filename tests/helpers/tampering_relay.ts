/**
 * A relay that attacks the streams it carries: a man in the middle between clients and a real relay, and the attacks.
 * What producers send, and all that is not attacked, passes unchanged.
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Buffer } from "node:buffer";
import { WebSocket, WebSocketServer } from "ws";

/** A control message of version 2, or the `gap` of version 1. */
export interface Control {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** What says how the stream stands. */
export interface ControlEvent {
  readonly kind: "control";
  readonly control: Control;
}

/** Messages, and the number of the first; in version 1, where they have none, they are counted. */
export interface DataEvent {
  readonly kind: "data";
  readonly seq: number;
  readonly lines: readonly string[];
}

/** What a relay says to a consumer; `other` is what is neither control nor data, and passes as it is. */
export type RelayEvent =
  | ControlEvent
  | DataEvent
  | { readonly kind: "close"; readonly code: number; readonly reason: string }
  | { readonly kind: "other" };

/** An attack: begun for each connection of a consumer, it says what the consumer gets in place of each event. */
export type Tamper = (stream: TamperedStream) => (event: RelayEvent) => RelayEvent[];

/** The messages of one run, as far as consumers read them through this relay. */
export interface Run {
  readonly channel: string;
  /** In version 1, where there is none, one for each connection. */
  readonly epoch: string;
  /** By their number; what nobody read is missing. */
  readonly lines: string[];
}

/** A consumer's connection, as attacks see it. Each function throws where there is no such run. */
export interface TamperedStream {
  readonly channel: string;
  readonly version: 1 | 2;
  /** The run that is read. */
  run(): Run;
  /** The latest other run of the channel. */
  older(): Run;
  /** The latest run of another channel. */
  foreign(): Run;
}

/** Where the real relay is, and what is done to its streams. */
export interface TamperingRelayOptions {
  target: { hostname: string; port: number };
  /** Default: nothing. */
  tamper?: Tamper;
}

/** A message of a WebSocket. */
interface Frame {
  readonly data: string | Uint8Array;
  readonly binary: boolean;
}

/** Handshakes that the real relay does not answer within it, ms, fail. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Bytes that wait for one side at which the other is read no more. */
const WRITE_AHEAD_BYTES = 1024 * 1024;
/** Headers that are of one connection only; `ws` makes its own. */
const HOP_HEADERS = /^(host|connection|upgrade|sec-websocket-.*)$/;
const SEQ_BYTES = 8;
/** What a relay without a key may say in a producer's name. */
const PLAINTEXT = '{"type":"token","content":"injected"}';
const CLOSE: RelayEvent = { kind: "close", code: 1000, reason: "done" };

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Starts a relay on a free port of this machine; leaving its `await using` block cuts all connections. */
export async function startTamperingRelay(options: TamperingRelayOptions): Promise<TamperingRelay> {
  const relay = new TamperingRelay(options);
  await relay.listen();
  return relay;
}

/**
 * Passes WebSockets on to the real relay: paths, headers, subprotocols, messages and closes; pings are each side's own,
 * and plain HTTP is refused. An attack that throws, because it needs a run that nobody has read, cuts the connection, and
 * the error comes out of the disposal.
 */
export class TamperingRelay implements AsyncDisposable {
  /** What is done to the connections that consumers open from now on. */
  tamper: Tamper | undefined;
  /** Number of events that attacks have changed or dropped. */
  altered = 0;
  readonly #recorder = new Recorder();
  readonly #target: string;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  readonly #upstreams = new Set<WebSocket>();
  readonly #failures: unknown[] = [];

  constructor({ target, tamper }: TamperingRelayOptions) {
    this.#target = `ws://${target.hostname}:${target.port}`;
    this.tamper = tamper;
    this.#server = createServer((_, response) => response.writeHead(426).end());
    this.#server.on("connection", (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Resolves once it listens. */
  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(0, "127.0.0.1", resolve);
    await promise;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Where clients connect, e.g. `ws://127.0.0.1:41234`. */
  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** The messages of a channel's latest run, as the real relay sent them to consumers. */
  captured(channel: string): string[] {
    return Object.values(this.#recorder.latest((run) => run.channel === channel)?.lines ?? []);
  }

  /** @throws what an attack threw. */
  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = new Promise((resolve) => this.#server.close(resolve));
    const closed = Array.from(
      this.#upstreams,
      (upstream) => new Promise((resolve) => upstream.once("close", resolve)),
    );
    for (const upstream of this.#upstreams) upstream.terminate();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([stopped, ...closed]);
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** Lets the real relay answer the handshake. */
  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => {}); // `close` follows
    const upstream = this.#connect(request);
    let protocol: string | undefined;
    upstream.on("upgrade", ({ headers }: IncomingMessage) => {
      protocol = headers["sec-websocket-protocol"];
      headers["sec-websocket-protocol"] ??= offered(request)[0]; // or `ws` ends it: none was taken
    });
    upstream.on("unexpected-response", (_: unknown, { statusCode }: IncomingMessage) => {
      socket.end(`HTTP/1.1 ${statusCode} Refused\r\nContent-Length: 0\r\n\r\n`);
      upstream.terminate();
    });
    const refuse = () => socket.destroy();
    upstream.once("close", refuse);
    upstream.once("open", () => {
      upstream.off("close", refuse);
      const handleProtocols = () => protocol ?? false;
      const options = { noServer: true, handleProtocols, perMessageDeflate: false };
      let client: WebSocket | undefined;
      new WebSocketServer(options).handleUpgrade(request, socket, head, (opened) => {
        client = opened;
      });
      if (client === undefined) upstream.terminate(); // it has left, or its handshake is none
      else this.#join(client, upstream, request.url!);
    });
  }

  #connect(request: IncomingMessage): WebSocket {
    const headers = Object.entries(request.headers).filter(([name]) => !HOP_HEADERS.test(name));
    const upstream = new WebSocket(`${this.#target}${request.url}`, offered(request), {
      headers: Object.fromEntries(headers) as Record<string, string>,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      perMessageDeflate: false,
    });
    upstream.on("error", () => {}); // `close` follows
    upstream.once("close", () => this.#upstreams.delete(upstream));
    this.#upstreams.add(upstream);
    return upstream;
  }

  #join(client: WebSocket, upstream: WebSocket, path: string): void {
    client.on("error", () => {}); // `close` follows
    pass(client, upstream);
    const channel = /^\/consume\/([^/?]+)/.exec(path)?.[1];
    if (channel === undefined) return pass(upstream, client);
    const version = client.protocol === "streamrelay.v2" ? 2 : 1;
    const stream = new Stream(this.#recorder, channel, version);
    const change = this.tamper?.(stream) ?? ((event: RelayEvent) => [event]);
    const decode = version === 2 ? decodeFrame : countingDecoder();
    const handle = (event: RelayEvent, frame?: Frame) => {
      try {
        stream.record(event);
        const changed = change(event);
        if (changed.length !== 1 || changed[0] !== event) this.altered++;
        for (const each of changed) {
          if (each.kind === "close") close(client, each.code, each.reason);
          const frames = each === event && frame ? [frame] : encodeFrames(each, version);
          for (const made of frames) send(client, made, upstream);
        }
      } catch (error) {
        this.#failures.push(error);
        for (const socket of [client, upstream]) socket.terminate();
      }
    };
    listen(upstream, {
      frame: (frame) => handle(decode(frame), frame),
      close: (code, reason) => handle({ kind: "close", code, reason }),
    });
  }
}

/** The subprotocols of a handshake. */
function offered(request: IncomingMessage): string[] {
  const header = request.headers["sec-websocket-protocol"] ?? "";
  return header.split(",").map((name) => name.trim()).filter((name) => name !== "");
}

/** What can be heard from a WebSocket. */
interface Listener {
  frame(frame: Frame): void;
  /** 1005 where the peer gave no code, 1006 where there was no close frame. */
  close(code: number, reason: string): void;
}

function listen(socket: WebSocket, listener: Listener): void {
  socket.on("message", (data: Uint8Array, binary: boolean) => listener.frame({ data, binary }));
  socket.on("close", (code: number, reason: Uint8Array) => {
    listener.close(code, decoder.decode(reason));
  });
}

/** Passes everything as it is. */
function pass(from: WebSocket, to: WebSocket): void {
  listen(from, {
    frame: (frame) => send(to, frame, from),
    close: (code, reason) => close(to, code, reason),
  });
}

/** Where the peer of `to` does not read, `from` is read no more until it does. */
function send(to: WebSocket, { data, binary }: Frame, from: WebSocket): void {
  to.send(data, { binary }, () => {
    if (to.bufferedAmount === 0) from.resume();
  });
  if (to.bufferedAmount > WRITE_AHEAD_BYTES) from.pause();
}

function close(socket: WebSocket, code: number, reason: string): void {
  socket.resume(); // or the peer's answer is never read
  if (code === 1006) socket.terminate();
  else if (code === 1005) socket.close();
  else socket.close(code, reason);
}

/** The runs that consumers have read. */
class Recorder {
  readonly #runs: Run[] = [];

  /** The last one to be begun of those that match. */
  latest(matches: (run: Run) => boolean): Run | undefined {
    return this.#runs.findLast(matches);
  }

  /** A run as it was left, or a new one. */
  run(channel: string, epoch: string): Run {
    const known = this.latest((run) => run.channel === channel && run.epoch === epoch);
    if (known !== undefined) return known;
    const run = { channel, epoch, lines: [] };
    this.#runs.push(run);
    return run;
  }
}

class Stream implements TamperedStream {
  readonly #recorder: Recorder;
  #run: Run | undefined;

  constructor(recorder: Recorder, readonly channel: string, readonly version: 1 | 2) {
    this.#recorder = recorder;
  }

  /** Keeps what is said. */
  record(event: RelayEvent): void {
    if (event.kind === "control" && /^(begin|restart)$/.test(event.control.type)) {
      this.#run = this.#recorder.run(this.channel, String(event.control.epoch));
    } else if (event.kind === "data") {
      this.#run ??= this.#recorder.run(this.channel, crypto.randomUUID());
      for (const [i, line] of event.lines.entries()) this.#run.lines[event.seq + i] = line;
    }
  }

  run(): Run {
    return existing(this.#run, `run of ${this.channel} that has begun`);
  }

  older(): Run {
    const others = (run: Run) => run.channel === this.channel && run !== this.#run;
    return existing(this.#recorder.latest(others), `other run of ${this.channel}`);
  }

  foreign(): Run {
    const others = (run: Run) => run.channel !== this.channel;
    return existing(this.#recorder.latest(others), "run of another channel");
  }
}

function existing<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`Cannot attack: there is no ${what}`);
  return value;
}

/** Version 2: text is control, binary is data. */
function decodeFrame({ data, binary }: Frame): RelayEvent {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  if (!binary) return decodeControl(decoder.decode(bytes)) ?? { kind: "other" };
  const text = decoder.decode(bytes.subarray(SEQ_BYTES));
  if (!text.endsWith("\n")) return { kind: "other" };
  const seq = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
  return { kind: "data", seq: Number(seq), lines: text.slice(0, -1).split("\n") };
}

/** Version 1: `gap` is control, other text is data, without numbers. */
function countingDecoder(): (frame: Frame) => RelayEvent {
  let next = 0;
  return ({ data, binary }) => {
    if (binary) return { kind: "other" };
    const text = typeof data === "string" ? data : decoder.decode(data);
    const event = text.startsWith('{"type":"gap"') ? decodeControl(text) : undefined;
    if (event === undefined) return { kind: "data", seq: next++, lines: [text] };
    next = Number(event.control.to);
    return event;
  };
}

function decodeControl(text: string): ControlEvent | undefined {
  try {
    const control = JSON.parse(text);
    return typeof control?.type === "string" ? { kind: "control", control } : undefined;
  } catch {
    return undefined; // passed on as it is: what a real relay says is not judged here
  }
}

function encodeFrames(event: RelayEvent, version: 1 | 2): Frame[] {
  if (event.kind === "control") return [{ data: JSON.stringify(event.control), binary: false }];
  if (event.kind !== "data") return [];
  if (version === 1) return event.lines.map((data) => ({ data, binary: false }));
  const text = encoder.encode(event.lines.map((line) => `${line}\n`).join(""));
  const data = new Uint8Array(SEQ_BYTES + text.length);
  new DataView(data.buffer).setBigUint64(0, BigInt(event.seq));
  data.set(text, SEQ_BYTES);
  return [{ data, binary: true }];
}

/** What an attack that leaves later messages their places does with the numbers of these. */
export interface NumberingOptions {
  /**
   * Numbers what follows so that there is neither a hole nor a repetition, also in what the relay says of the run's
   * length (default true): who trusts the relay's numbers notices nothing.
   */
  renumber?: boolean;
}

/** Leaves out message `k`. */
export function dropMessage(k: number, { renumber = true }: NumberingOptions = {}): Tamper {
  const drop = onMessages((seq) => seq === k ? [] : undefined);
  return renumber ? chain(drop, shift(k + 1, -1)) : drop;
}

/** Sends message `k` twice. */
export function repeatMessage(k: number, { renumber = true }: NumberingOptions = {}): Tamper {
  const repeat = (second: number) =>
    onMessages((seq, line) => seq === k ? [data(k, [line]), data(second, [line])] : undefined);
  return renumber ? chain(shift(k + 1, 1), repeat(k + 1)) : repeat(k);
}

/** Sends message `k + 1` before message `k`. */
export function swapMessages(k: number, { renumber = true }: NumberingOptions = {}): Tamper {
  return () => {
    let held: string | undefined;
    const swap = (seq: number, line: string) => {
      if (seq === k) {
        held = line;
        return [];
      }
      if (seq !== k + 1 || held === undefined) return undefined;
      const [first, second] = renumber ? [k, k + 1] : [k + 1, k];
      return [data(first, [line]), data(second, [held])];
    };
    return (event) => event.kind === "data" ? eachMessage(event, swap) : [event];
  };
}

/** Sends something else in the place of message `k`. */
export function replaceMessage(
  k: number,
  replacement: (line: string, stream: TamperedStream) => string,
): Tamper {
  return onMessages((seq, line, stream) =>
    seq === k ? [data(k, [replacement(line, stream)])] : undefined
  );
}

/** Sends the message before it in the place of message `k`. */
export function replayMessage(k: number): Tamper {
  return replaceMessage(k, (_, stream) => lineOf(stream.run(), k - 1));
}

/** Sends the message of the same number of an older run in the place of message `k`. */
export function spliceOlder(k: number): Tamper {
  return replaceMessage(k, (_, stream) => lineOf(stream.older(), k));
}

/** Sends the message of the same number of another channel in the place of message `k`. */
export function spliceForeign(k: number): Tamper {
  return replaceMessage(k, (_, stream) => lineOf(stream.foreign(), k));
}

/** Flips a bit of message `k`, an envelope. */
export function flipBit(k: number, part: "nonce" | "ciphertext" | "tag" = "ciphertext"): Tamper {
  return replaceMessage(k, (line) => {
    const bytes = Uint8Array.fromBase64(JSON.parse(line).d);
    bytes[{ nonce: 0, ciphertext: 12, tag: bytes.length - 1 }[part]] ^= 1;
    return JSON.stringify({ type: "enc", d: bytes.toBase64() });
  });
}

/** Sends a message of its own before message `k`, and numbers what follows accordingly. */
export function injectPlaintext(k: number, line = PLAINTEXT): Tamper {
  const inject = onMessages((seq, original) => seq === k ? [data(k, [line, original])] : undefined);
  return chain(shift(k + 1, 1), inject);
}

/** Leaves out messages `from` to `to - 1` and says that they are no longer retained. */
export function inventGap(from: number, to: number): Tamper {
  const gap: RelayEvent = { kind: "control", control: { type: "gap", from, to } };
  return onMessages((seq) => seq === from ? [gap] : seq > from && seq < to ? [] : undefined);
}

/**
 * Leaves out the last message, the `done`, and says that all is well. As nobody knows which one it is before the end,
 * the newest message is held back until something follows it.
 */
export function truncate(): Tamper {
  return (stream) => {
    let held: DataEvent | undefined;
    return (event) => {
      const before = held === undefined ? [] : [held];
      held = undefined;
      if (event.kind === "data") {
        const last = event.lines.length - 1;
        held = data(event.seq + last, [event.lines[last]]);
        return joined([...before, data(event.seq, event.lines.slice(0, last))]);
      }
      const ends = event.kind === "close" || isControl(event, "end");
      return ends && before.length > 0 ? ending(stream, before[0].seq) : [...before, event];
    };
  };
}

/** Says that the stream is done where message `k` would come. */
export function claimEnd(k: number): Tamper {
  return insteadOf(k, ending);
}

/** Closes as after an end, but without one, where message `k` would come. */
export function closeEarly(k: number): Tamper {
  return insteadOf(k, () => [CLOSE]);
}

/** Says another epoch than the run has. */
export function announceEpoch(epoch = "zzzzzzzzz-AAAAAAAAAAAA"): Tamper {
  return () => (event) => {
    if (!isControl(event, "begin") && !isControl(event, "restart")) return [event];
    return [{ kind: "control", control: { ...event.control, epoch } }];
  };
}

/** Restarts with an older run where message `k` would come, and plays that to its end. */
export function restartOlder(k: number): Tamper {
  return insteadOf(k, (stream) => whole(stream, "restart", stream.older()));
}

/** Goes on with an older run from message `k`, and says nothing. */
export function continueOlder(k: number): Tamper {
  return insteadOf(k, (stream, at) => {
    const { lines } = stream.older();
    return [data(at, lines.slice(at)), ...ending(stream, lines.length)];
  });
}

/** Plays the whole of another channel's run from the beginning. */
export function playForeign(): Tamper {
  return (stream) => {
    let over = false;
    return (event) => {
      if (over) return [];
      if (!isControl(event, "begin") && event.kind !== "data") return [event];
      over = true;
      return whole(stream, "begin", stream.foreign());
    };
  };
}

/**
 * Attacks on version 2, by what they do to the message `k` that they are given: neither the first nor the last one. Some
 * need that another run of the channel, or another channel, was read through the relay before.
 */
export const TAMPERS: Record<string, (k: number) => Tamper> = {
  "drops message k": (k) => dropMessage(k),
  "drops message k and leaves a hole": (k) => dropMessage(k, { renumber: false }),
  "repeats message k": (k) => repeatMessage(k),
  "repeats message k under its number": (k) => repeatMessage(k, { renumber: false }),
  "swaps messages k and k + 1": (k) => swapMessages(k),
  "swaps messages k and k + 1 with their numbers": (k) => swapMessages(k, { renumber: false }),
  "replaces message k by the one before": replayMessage,
  "replaces message k by that of an older run": spliceOlder,
  "replaces message k by that of another channel": spliceForeign,
  "injects plaintext before message k": (k) => injectPlaintext(k),
  "replaces message k by plaintext": (k) => replaceMessage(k, () => PLAINTEXT),
  "flips a bit of message k's nonce": (k) => flipBit(k, "nonce"),
  "flips a bit of message k's ciphertext": (k) => flipBit(k, "ciphertext"),
  "flips a bit of message k's tag": (k) => flipBit(k, "tag"),
  "invents a gap at message k": (k) => inventGap(k, k + 1),
  "truncates the stream before its last message": truncate,
  "claims the end at message k": claimEnd,
  "closes without an end at message k": closeEarly,
  "announces another epoch": () => announceEpoch(),
  "restarts with an older run at message k": restartOlder,
  "goes on with an older run at message k": continueOlder,
  "plays another channel": playForeign,
};

/** Of version 2 alone: version 1 has no numbers, no epochs and no end but the close. */
const V2_ONLY = /hole|number|without an end|epoch/;

/** Attacks on version 1; its gaps are at the beginning of a stream. */
export const V1_TAMPERS: Record<string, (k: number) => Tamper> = {
  ...Object.fromEntries(Object.entries(TAMPERS).filter(([name]) => !V2_ONLY.test(name))),
  "invents a gap at message k": (k) => inventGap(0, k + 1),
};

/** One attack on what another has made. */
function chain(first: Tamper, second: Tamper): Tamper {
  return (stream) => {
    const [before, after] = [first(stream), second(stream)];
    return (event) => before(event).flatMap(after);
  };
}

/** Adds `by` to every number from `from` on, in control messages too. */
function shift(from: number, by: number): Tamper {
  const shifted = onMessages((seq, line) => seq >= from ? [data(seq + by, [line])] : undefined);
  return (stream) => (event) => {
    if (event.kind !== "control") return shifted(stream)(event);
    const numbers = ["from", "to", "next"].map((name) => [name, event.control[name]] as const)
      .filter((field): field is [string, number] => Number(field[1]) >= from)
      .map(([name, seq]) => [name, seq + by]);
    if (numbers.length === 0) return [event];
    return [{ kind: "control", control: { ...event.control, ...Object.fromEntries(numbers) } }];
  };
}

type Change = (seq: number, line: string) => RelayEvent[] | undefined;

/** Changes messages one by one; `undefined` leaves one as it is. */
function onMessages(
  change: (seq: number, line: string, stream: TamperedStream) => RelayEvent[] | undefined,
): Tamper {
  return (stream) => (event) =>
    event.kind === "data" ? eachMessage(event, (seq, line) => change(seq, line, stream)) : [event];
}

function eachMessage(event: DataEvent, change: Change): RelayEvent[] {
  const changes = event.lines.map((line, i) => change(event.seq + i, line));
  if (changes.every((each) => each === undefined)) return [event];
  return joined(
    changes.flatMap((each, i) => each ?? [data(event.seq + i, [event.lines[i]])]),
  );
}

/** Passes what comes before message `k`, or a later one where the consumer begins there, then `last`, and nothing more. */
function insteadOf(k: number, last: (stream: TamperedStream, at: number) => RelayEvent[]): Tamper {
  return (stream) => {
    let over = false;
    return (event) => {
      if (over) return [];
      if (event.kind !== "data" || event.seq + event.lines.length <= k) return [event];
      over = true;
      const at = Math.max(k, event.seq);
      const before = event.lines.slice(0, at - event.seq);
      return joined([data(event.seq, before), ...last(stream, at)]);
    };
  };
}

/** All of another run. */
function whole(stream: TamperedStream, type: "begin" | "restart", run: Run): RelayEvent[] {
  const { epoch, lines } = run;
  if (Object.keys(lines).length < lines.length) throw new Error("Cannot attack: the run has holes");
  const control = { type, epoch, from: 0, next: lines.length };
  const begin: RelayEvent[] = stream.version === 2 ? [{ kind: "control", control }] : [];
  return [...begin, data(0, lines), ...ending(stream, lines.length)];
}

/** The end of a run of `next` messages that is done. */
function ending(stream: TamperedStream, next: number): RelayEvent[] {
  const control = { type: "end", next, status: "done" };
  return stream.version === 2 ? [{ kind: "control", control }, CLOSE] : [CLOSE];
}

function lineOf({ channel, lines }: Run, k: number): string {
  return existing<string | undefined>(lines[k], `message ${k} of ${channel}`)!;
}

function data(seq: number, lines: readonly string[]): DataEvent {
  return { kind: "data", seq, lines };
}

/** Events with data that goes on from the data before in one. */
function joined(events: readonly RelayEvent[]): RelayEvent[] {
  const result: RelayEvent[] = [];
  for (const event of events) {
    const last = result.at(-1);
    if (event.kind !== "data") result.push(event);
    else if (last?.kind === "data" && last.seq + last.lines.length === event.seq) {
      result.splice(-1, 1, data(last.seq, [...last.lines, ...event.lines]));
    } else if (event.lines.length > 0) result.push(event);
  }
  return result;
}

function isControl(event: RelayEvent, type: string): event is ControlEvent {
  return event.kind === "control" && event.control.type === type;
}

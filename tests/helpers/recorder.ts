/**
 * A TCP proxy in front of a relay that keeps what clients send, as the relay understands it.
 *
 * @module
 */

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { FrameDecoder } from "../../src/protocol/frame_decoder.ts";
import { concat, RecordingSink } from "./client_frames.ts";

/** The end of a request's headers. */
const HEAD_END = "\r\n\r\n";
const latin1 = new TextDecoder("latin1");

/** A proxy that runs; leaving its `await using` block cuts what is open. */
export class Recorder implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #heard: Uint8Array[][] = [];
  #target: number;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#pass(client));
  }

  /** Starts one on a free port of this machine, in front of port `target`. */
  static async start(target: number): Promise<Recorder> {
    const recorder = new Recorder(target);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    recorder.#server.once("error", reject);
    recorder.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return recorder;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Where clients connect. */
  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** Cuts all connections; new ones go to another port. */
  retarget(port: number): void {
    this.#target = port;
    this.cut();
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** All that clients have sent: requests as they were, the messages of WebSockets unmasked. */
  get said(): string {
    return this.#heard.map((chunks) => understood(concat(...chunks))).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #pass(client: Socket): void {
    const relay = connect(this.#target, "127.0.0.1");
    const heard: Uint8Array[] = [];
    this.#heard.push(heard);
    client.on("data", (chunk: Uint8Array) => heard.push(new Uint8Array(chunk)));
    for (const [socket, other] of [[client, relay], [relay, client]]) {
      this.#sockets.add(socket);
      socket.on("error", () => {}); // `close` follows
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}

/** What one connection has sent. */
function understood(bytes: Uint8Array): string {
  const text = latin1.decode(bytes);
  const end = text.indexOf(HEAD_END);
  if (end < 0 || !/^upgrade: *websocket/im.test(text.slice(0, end))) return text;
  const sink = new RecordingSink();
  new FrameDecoder(sink).feed(bytes.slice(end + HEAD_END.length));
  const payloads = sink.events.map(([kind, payload]) =>
    kind === "binary" ? latin1.decode(Uint8Array.fromHex(payload)) : String(payload)
  );
  return [text.slice(0, end), ...payloads].join("\n");
}

/**
 * stdin → a channel.
 *
 * @module
 */

import { type ProducerOptions, RelayProducer } from "../src/client/producer.ts";
import { RelayError } from "../src/errors.ts";
import { TokenSplitter } from "../src/protocol/token_splitter.ts";
import { Interrupted } from "./interrupt.ts";
import { Output } from "./output.ts";
import { complain } from "./terminal.ts";

/** Options of {@linkcode pipeStdin}. */
export interface PipeOptions {
  readonly producer: ProducerOptions;
  /** Copy stdin to stdout. */
  readonly tee: boolean;
  /** Goes into `done`. */
  readonly usage?: Record<string, unknown>;
  /** Stops reading; consumers are told. */
  readonly signal: AbortSignal;
}

/**
 * Sends stdin as tokens until its end. A relay that is away stops neither the reading nor the copying, because they
 * would stop the job: the failure is told at the end.
 *
 * @throws {RelayError} where the relay has not confirmed the whole stream, or stdin could not be copied.
 */
export async function pipeStdin(options: PipeOptions): Promise<void> {
  const splitter = new TokenSplitter();
  const output = options.tee ? new Output(options.signal) : undefined;
  const delivery = new Delivery();
  await delivery.open(options);
  for await (const chunk of stdin(options.signal)) {
    await output?.write(chunk);
    const told = splitter.replaced;
    await delivery.send(splitter.feed(chunk));
    if (splitter.replaced && !told) tellReplaced();
  }
  const told = splitter.replaced;
  await delivery.send(splitter.end());
  if (splitter.replaced && !told) tellReplaced();
  try {
    await delivery.close(options);
  } finally {
    await output?.flush();
  }
}

function tellReplaced(): void {
  complain("stdin is not all UTF-8: U+FFFD stands for the bytes that are not");
}

/** Chunks of stdin, ended early by `signal`. */
async function* stdin(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = Deno.stdin.readable.getReader();
  const stop = () => void reader.cancel();
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function interrupted(): RelayError {
  return new RelayError("unreachable", "interrupted before the relay had answered");
}

/** The sending side: after the first failure it only counts. */
class Delivery {
  #producer: RelayProducer | undefined;
  #failure: RelayError | undefined;
  #undelivered = 0;
  #closing = false;
  #told = false;

  /** @throws {RelayError} `usage`: who called it wrongly should know at once. */
  async open({ producer, signal }: PipeOptions): Promise<void> {
    await this.#guard(async () => {
      this.#producer = await RelayProducer.connect({ ...producer, signal });
      // told at once, not with the next token, which may be minutes away
      void this.#producer.lost.then((error) => this.#closing || this.#fail(error));
    });
    if (this.#producer === undefined && this.#failure?.row.exit === 2) throw this.#failure;
  }

  async send(tokens: string[]): Promise<void> {
    for (const token of tokens) {
      if (this.#failure === undefined) await this.#guard(() => this.#producer!.sendToken(token));
      if (this.#failure !== undefined) this.#undelivered++;
    }
  }

  async close({ usage, signal }: PipeOptions): Promise<void> {
    this.#closing = true;
    const received = signal.aborted ? signal.reason as Interrupted : undefined;
    if (this.#failure === undefined) {
      const producer = this.#producer!;
      await this.#guard(() =>
        received === undefined
          ? producer.done(usage)
          : producer.error(`the producer was stopped by ${received.received}`, {
            code: "signal",
            signal: received.received,
          })
      );
    }
    if (this.#failure === undefined) return;
    const what = this.#undelivered === 0
      ? "The end of the stream was not confirmed"
      : `${this.#undelivered} token${this.#undelivered === 1 ? " was" : "s were"} not sent` +
        (this.#producer === undefined ? "" : ", and the last ones before them may be missing too");
    throw new RelayError(
      this.#failure.code,
      this.#told ? what : `${what}: ${this.#failure.message}`,
    );
  }

  async #guard(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (error instanceof Interrupted) return this.#fail(interrupted());
      if (!(error instanceof RelayError)) throw error;
      this.#fail(error);
    }
  }

  #fail(error: RelayError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    if (this.#closing) return; // `close` throws it
    if (error.row.exit === 2 && this.#producer === undefined) return; // `open` throws it
    if (this.#closing) return; // `close` tells it
    this.#told = true;
    complain(`Reading on without the relay: ${error.message}`);
  }
}

/**
 * A program: `crowd.ts PORT N` opens N connections to a relay, each of which falls silent at some stage, says when all
 * of them stand, and waits for the relay to end every one. Then it says how many were told what. It runs by itself
 * because of the open files.
 *
 * @module
 */

import { connect } from "node:net";
import { once } from "node:events";
import { HANDSHAKE, request } from "../helpers/raw_socket.ts";

/** How many are on their way at a time: no more than the system queues for the relay. */
const AT_A_TIME = 500;

const [port, count] = Deno.args.map(Number);
const handshake = request("GET /produce/job-7", HANDSHAKE);

/** What clients have said when they fall silent; most of them have a WebSocket. */
const STAGES = [handshake, handshake, handshake, handshake.slice(0, -2), ""];

const told: Record<string, number> = {};
const ends: Promise<unknown>[] = [];
const left = Array.from({ length: count }, (_, i) => STAGES[i % STAGES.length]);
while (left.length > 0) await Promise.all(left.splice(0, AT_A_TIME).map(arrive));
console.log("all here");
await Promise.all(ends);
console.log(JSON.stringify(told));

/** Resolves when the connection stands, and, for a whole handshake, is answered. */
async function arrive(words: string): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  let answer = "";
  socket.on("data", (chunk) => answer += chunk.toString("latin1"));
  socket.on("end", () => socket.end());
  ends.push(
    once(socket, "close").then(() => {
      const what = lastWord(answer);
      told[what] = (told[what] ?? 0) + 1;
    }),
  );
  if (words !== "") socket.write(words);
  if (words === handshake) await once(socket, "data");
}

/** Close code or HTTP status. */
function lastWord(answer: string): string {
  const close = /\r\n\r\n\x88[^](..)/s.exec(answer)?.[1];
  if (close !== undefined) return String(close.charCodeAt(0) << 8 | close.charCodeAt(1));
  return /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? "nothing";
}

/**
 * Messages → what of them is text.
 *
 * @module
 */

import { isToken, type Message } from "../protocol/message.ts";
import type { Entry } from "./transcript.ts";

/**
 * The tokens, and what the producer marks as thought; what came together is one piece of text.
 *
 * @example
 * ```ts
 * import { entriesOf } from "./entries.ts";
 * import assert from "node:assert/strict";
 *
 * const token = (content: string) => ({ type: "token", content });
 * assert.deepEqual([...entriesOf([token("a"), token("b")])], [{ kind: "text", text: "ab" }]);
 * ```
 */
export function* entriesOf(messages: readonly Message[]): Generator<Entry> {
  let kind: Entry["kind"] = "text";
  let text = "";
  for (const message of messages) {
    const next = message.type === "reasoning" ? "thought" : isToken(message) ? "text" : undefined;
    const { content } = message as { content?: unknown };
    if (next === undefined || typeof content !== "string") continue;
    if (next !== kind && text !== "") {
      yield { kind, text };
      text = "";
    }
    kind = next;
    text += content;
  }
  if (text !== "") yield { kind, text };
}

/**
 * What `consume` says of a stream beside its text.
 *
 * @module
 */

import type { StreamEvent } from "../src/client/stream_event.ts";
import { RelayError } from "../src/errors.ts";
import { clearStatus, complain, status } from "./terminal.ts";

/** What happens to a stream beside its messages. */
export type StreamNews = Exclude<StreamEvent, { kind: "messages" | "text" }>;

/**
 * Tells the user, on stderr; `allowGaps`: gaps are no reason to end.
 *
 * @throws {RelayError} `incomplete` for a gap, which is then the last to be told.
 */
export function tellNews(news: StreamNews, { allowGaps = false } = {}): void {
  switch (news.kind) {
    case "begin":
      if (news.restart) complain("the job was started anew: its new run follows from its start");
      return;
    case "gap": {
      const gone = `messages ${news.from} to ${news.to - 1} are no longer retained by the relay`;
      if (allowGaps) return complain(gone);
      throw new RelayError("incomplete", `${gone} (--allow-gaps prints what follows)`);
    }
    case "relay":
      if (news.state === "back") return clearStatus();
      if (news.error?.code === "limit") complain(`Trying it again: ${news.error.message}`);
      if (Deno.stderr.isTerminal()) status("the relay is away; trying it again …");
      return;
    case "producer":
      if (news.state === "away") status("the producer is away; waiting for it …");
      else if (news.state === "live") clearStatus();
      return;
    case "cancelling":
      if (!news.reached) complain(`cannot cancel: ${news.reason ?? "no reason given"}`);
      return;
    case "end":
      return;
  }
}

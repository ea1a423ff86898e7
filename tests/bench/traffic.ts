/**
 * What a relay has carried.
 *
 * @module
 */

import { until } from "../helpers/within.ts";

/** Resolves when a relay has sent so many messages to consumers, and, where that is asked for, has so many of them. */
export function messagesReachReaders(
  port: number,
  messages: number,
  { consumers = 0 } = {},
): Promise<void> {
  return until(async () => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const value = (name: string) => Number(text.split(`\n${name} `)[1]?.split("\n")[0] ?? 0);
    return value('streamrelay_messages_total{direction="out"}') >= messages &&
      value("streamrelay_consumers") >= consumers;
  }, `${messages} messages to reach their readers`);
}

/**
 * Makes the picture of the page for the README: `deno run -A tests/helpers/view_picture.ts`.
 *
 * @module
 */

import { RelayProducer, startRelay } from "../../src/mod.ts";
import { viewLink } from "../../src/client/view_link.ts";
import { launch, openPage } from "./browser.ts";

const TARGET = new URL("../../docs/view.png", import.meta.url);
const ANSWER = `<think>They want the idea and a few lines of code.</think>## Why a heap

To keep the **k largest** of *n* numbers there is no need to sort all of them. A heap of size k
holds the best ones so far, its smallest on top:

\`\`\`python
import heapq

def k_largest(numbers, k):
    heap = []
    for x in numbers:
        if len(heap) < k:
            heapq.heappush(heap, x)
        elif x > heap[0]:
            heapq.heapreplace(heap, x)
    return sorted(heap, reverse=True)
\`\`\`

| way           | time       | memory |
| ------------- | ---------- | ------ |
| sort all      | n log n    | n      |
| heap of k     | n log k    | k      |

So for a stream that never ends, only the heap `;
/** Between two tokens, ms: some thirty a second, as uneven as models are. */
const interval = (i: number) => 26 + 14 * Math.sin(i / 23);

await using relay = await startRelay({ port: 0 });
const encryptionKey = "5a".repeat(32);
const channel = "llama-70b-4711";
await using producer = await RelayProducer.connect({ url: relay.url, channel, encryptionKey });
const browser = await launch();
const view = await openPage(browser, viewLink(relay.url, channel, { key: encryptionKey }));
await view.page.setViewportSize({ width: 900, height: 840 });
await producer.progress({ percent: 62, step: "answering" });
await producer.log("model loaded in 41 s");
const tokens = ANSWER.match(/\s*\S{1,4}/g)!;
for (const [i, token] of tokens.entries()) {
  await producer.sendToken(token);
  await new Promise((resolve) => setTimeout(resolve, interval(i) * 2));
}
await view.page.locator("#rendered").filter({ hasText: "only the heap" }).waitFor();
await view.page.screenshot({ path: TARGET.pathname });
await browser.close();
producer.abandon();

/// <reference lib="dom" />
/**
 * Lets the browser do something else.
 *
 * @module
 */

/** Resolves after the tasks that wait, input and painting among them. Timers would take a second each in a hidden page. */
export function nextTask(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    resolve();
  };
  port2.postMessage(undefined);
  return promise;
}

/**
 * One relay for all tests of a module.
 *
 * @module
 */

import { type RelayProcess, startRelayProcess } from "./relay_process.ts";
import { nothingLeaks } from "./relay_state.ts";

/** A relay that runs while the tests of the module do. */
export interface SharedRelay extends Pick<RelayProcess, "url" | "port" | "pid" | "stderr"> {
  /** Checks that the relay is back to what it held before the first test, and serves others still. */
  nothingLeaks(): Promise<void>;
}

/** Starts a relay that retains no ended streams, before the first test; ends it after the last one. */
export function sharedRelay(
  args: string[] = [],
  env: Record<string, string> = {},
  headers: Record<string, string> = {},
): SharedRelay {
  let relay: RelayProcess;
  let check: () => Promise<void>;
  Deno.test.beforeAll(async () => {
    relay = await startRelayProcess(["--retain", "0", ...args], env);
    check = nothingLeaks(relay, headers);
  });
  Deno.test.afterAll(async () => await relay[Symbol.asyncDispose]());
  return {
    get url() {
      return relay.url;
    },
    get port() {
      return relay.port;
    },
    get pid() {
      return relay.pid;
    },
    stderr: () => relay.stderr(),
    nothingLeaks: () => check(),
  };
}

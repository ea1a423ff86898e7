/**
 * A command and the processes it has started.
 *
 * @module
 */

import { waitAtMost } from "./wait_at_most.ts";

/** Between two looks at whether a process group has ended, of which no event tells, ms. */
const POLL_MS = 100;
/** How long what was sent SIGKILL may take to end, ms: a process that waits for a dead file server does not. */
export const KILLED_MS = 5_000;

/**
 * A command and all that it has started, but for what has made a group or session of its own. A number of an ended group
 * may be another's soon: who sends signals looks at {@linkcode leaderEnded} first.
 *
 * @example
 * ```ts
 * import { ProcessGroup } from "./process_group.ts";
 * import assert from "node:assert/strict";
 *
 * const args = ["-c", "sleep 1000 & wait"];
 * const leader = new Deno.Command("sh", { args, detached: true }).spawn();
 * const group = new ProcessGroup(leader.pid, leader.status);
 * const { signal } = new AbortController();
 * assert.equal(await group.escalate([[0, "SIGTERM"], [10_000, "SIGKILL"]], signal), true);
 * assert.equal((await leader.status).signal, "SIGTERM");
 * ```
 */
export class ProcessGroup {
  /** Whether the command has ended; others of the group may go on. */
  leaderEnded = false;
  readonly #id: number;
  readonly #leader: Promise<unknown>;

  /** The group that process `id` leads; `leader` is settled once that has ended. */
  constructor(id: number, leader: Promise<unknown>) {
    this.#id = id;
    const ended = () => void (this.leaderEnded = true);
    this.#leader = leader.then(ended, ended);
  }

  /** Sends a signal to all of them; nothing happens where there are none, or only another user's. */
  send(name: Deno.Signal): void {
    try {
      Deno.kill(-this.#id, name);
    } catch (error) {
      // it has ended, or has become another user's (sudo), whom only that user may end
      if (error instanceof Deno.errors.NotFound) return;
      if (error instanceof Deno.errors.PermissionDenied) return;
      throw error;
    }
  }

  /**
   * Sends each signal at its time, ms from now, until all have ended, and waits 5 s more after the last one.
   *
   * @returns Whether all have ended; `false` at once when `stop` is aborted.
   */
  async escalate(
    steps: readonly (readonly [atMs: number, name: Deno.Signal])[],
    stop: AbortSignal,
  ): Promise<boolean> {
    const startedAt = performance.now();
    for (const [at, name] of steps) {
      if (await this.#ended(startedAt + at - performance.now(), stop)) return true;
      if (stop.aborted) return false;
      this.send(name);
      this.send("SIGCONT"); // a process that is stopped obeys once it goes on
    }
    return await this.#ended(KILLED_MS, stop);
  }

  /** Waits for the end of all, `ms` at most; returns whether it has come. */
  async #ended(ms: number, stop: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + ms;
    if (!this.leaderEnded) await waitAtMost(ms, { stop, until: this.#leader });
    while (this.leaderEnded && !stop.aborted) {
      if (!lives(this.#id)) return true;
      const left = deadline - performance.now();
      if (left <= 0) return false;
      await waitAtMost(Math.min(POLL_MS, left), { stop });
    }
    return false;
  }
}

/** Whether a process of the group still runs; one that has ended counts no more, though nobody has waited for it. */
function lives(group: number): boolean {
  try {
    for (const { name } of Deno.readDirSync("/proc")) {
      if (/^\d+$/.test(name) && runsIn(group, name)) return true;
    }
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return exists(group); // not Linux
    if (error instanceof Deno.errors.NotCapable) return exists(group); // run without --allow-all
    throw error;
  }
}

/** Whether the process `pid` runs and is of the group; see proc(5) on `stat`. */
function runsIn(group: number, pid: string): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const [state, _parent, groupOfIt] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(groupOfIt) === group && !/[ZX]/.test(state);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false; // it has just ended
  }
}

/** Whether there is a process of the group, be it one that has ended. */
function exists(group: number): boolean {
  try {
    Deno.kill(-group, 0);
    return true;
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied;
  }
}

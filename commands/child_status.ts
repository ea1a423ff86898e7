/**
 * How a command ended.
 *
 * @module
 */

/** How a command ended. */
export interface ChildStatus {
  /** Exit code; 128 + the signal's number where a signal ended it, as shells have it. */
  readonly code: number;
  /** The name of the signal that ended it. */
  readonly signal?: string;
}

/** The exit code and signal of `process`, once it has ended. */
export async function childStatus(
  process: Pick<Deno.ChildProcess, "status">,
): Promise<ChildStatus> {
  try {
    const { code, signal } = await process.status;
    return signal === null ? { code } : { code, signal };
  } catch (error) {
    // what Deno says of a real-time signal, which has no name
    const number = error instanceof TypeError && /^Invalid signal: (\d+)$/.exec(error.message)?.[1];
    if (!number) throw error;
    return { code: 128 + Number(number), signal: `signal ${number}` };
  }
}

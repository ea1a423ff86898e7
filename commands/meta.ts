/**
 * What a producer tells the relay's operator of itself.
 *
 * @module
 */

import { RelayError } from "../src/errors.ts";
import { checkedMeta, type Meta } from "../src/protocol/meta.ts";

/** Variables in which schedulers name a job: Slurm, PBS, LSF. */
const JOB_VARIABLES = ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID"];
const JOB_ID = /^[\w.[\]:-]{1,100}$/;

/**
 * The scheduler's id of the job that runs this, where there is one; a Slurm array's task is `<array>_<task>`. An id that is
 * none is left out: a job does not fail for it.
 */
export function jobMeta(env: (name: string) => string | undefined): Meta {
  const array = env("SLURM_ARRAY_JOB_ID");
  const task = env("SLURM_ARRAY_TASK_ID");
  const job = array && task ? `${array}_${task}` : JOB_VARIABLES.map(env).find((id) => id);
  return job !== undefined && JOB_ID.test(job) ? { job } : {};
}

/**
 * Adds `name=value` to what was given before.
 *
 * @throws {RelayError} `usage` where it is something else, or too much.
 */
export function addMeta(text: string, before: Meta = {}): Meta {
  const at = text.indexOf("=");
  if (at < 1) throw new RelayError("usage", "Give --meta as name=value, such as --meta model=m7");
  const meta = { ...before, [text.slice(0, at)]: text.slice(at + 1) };
  try {
    return checkedMeta(meta);
  } catch (cause) {
    if (!(cause instanceof RelayError)) throw cause;
    throw new RelayError("usage", `Cannot use --meta: ${cause.message}`, { cause });
  }
}

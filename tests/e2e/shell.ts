/**
 * Shell scripts, for what only a shell does: redirections, pipes, and commands as a user pastes them.
 *
 * @module
 */

import { type CliOptions, type CliProcess, type CliResult, spawnProcess } from "../helpers/cli.ts";

const MAIN = new URL("../../main.ts", import.meta.url).href;

/** Starts a bash script in which `streamrelay` is the command line. */
export function spawnShell(script: string, options: CliOptions = {}): CliProcess {
  const env = { ...options.env, DENO: Deno.execPath(), MAIN };
  const command = 'streamrelay() { "$DENO" run --quiet -A "$MAIN" "$@"; }';
  return spawnProcess("bash", ["-c", `${command}\n${script}`], { ...options, env });
}

/** Runs a bash script, as above, with nothing on stdin. */
export async function runShell(script: string, options: CliOptions = {}): Promise<CliResult> {
  await using shell = spawnShell(script, options);
  await shell.closeStdin();
  return await shell.finished;
}

/** A directory that is removed with its `using` block. */
export interface TemporaryDirectory extends Disposable {
  readonly path: string;
  /** The path of a file in it, which is written where `content` is given. */
  file(name: string, content?: string | Uint8Array, mode?: number): string;
}

/** Makes a directory of its own for a test. */
export function temporaryDirectory(): TemporaryDirectory {
  const path = Deno.makeTempDirSync({ prefix: "streamrelay-test-" });
  return {
    path,
    file(name, content, mode = 0o600) {
      const file = `${path}/${name}`;
      if (typeof content === "string") Deno.writeTextFileSync(file, content, { mode });
      else if (content !== undefined) Deno.writeFileSync(file, content, { mode });
      if (content !== undefined) Deno.chmodSync(file, mode); // whatever the umask is
      return file;
    },
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

/**
 * How this program is started once more.
 *
 * @module
 */

/**
 * The words in front of a subcommand that start this same program as another process: the binary that it was compiled to,
 * or deno with the module that is being run and every permission, which a child cannot have beyond its parent's anyway
 * where `--allow-run` was given.
 */
export function ownProgram(): string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  return [Deno.execPath(), "run", "--quiet", "-A", Deno.mainModule];
}

/**
 * Programs by name.
 *
 * @module
 */

/**
 * The file that `program` names, found as execvp(3) does.
 *
 * @example
 * ```ts
 * import { lookUp } from "./look_up.ts";
 * import assert from "node:assert/strict";
 *
 * assert.match(lookUp("sh"), /^\/.*\/sh$/);
 * assert.throws(() => lookUp("no-such-program"), Deno.errors.NotFound);
 * ```
 *
 * @throws {Deno.errors.NotFound} where there is none.
 * @throws {Deno.errors.PermissionDenied} where there is one that nobody may execute, or a directory.
 */
export function lookUp(program: string): string {
  const places = program.includes("/")
    ? [program]
    : (Deno.env.get("PATH") ?? "").split(":").map((place) => `${place || "."}/${program}`);
  let forbidden = false;
  for (const place of program === "" ? [] : places) {
    const mode = modeOf(place);
    if (mode !== undefined && (mode & 0o111) !== 0) return place;
    forbidden ||= mode !== undefined;
  }
  if (forbidden) throw new Deno.errors.PermissionDenied(program);
  throw new Deno.errors.NotFound(program);
}

/** The mode of a file, 0 for what is none, `undefined` where there is nothing. */
function modeOf(path: string): number | undefined {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile ? mode ?? 0 : 0;
  } catch {
    return undefined; // whatever the reason is, the next directory may have it
  }
}

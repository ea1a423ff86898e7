/**
 * The command line, as results may show it.
 *
 * @module
 */

const SECRETS = new Set(["--secret", "--token", "--encryption-key"]);
const HIDDEN = "***";

/**
 * The command line that these words are of, without what could be a credential: values of options that are secrets, and
 * in URLs the user information and the query.
 *
 * @example
 * ```ts
 * import { shownCommand } from "./shown_command.ts";
 * import assert from "node:assert/strict";
 *
 * const words = ["bench", "load", "--secret", "s3cret", "--url=wss://me:pw@host/relay?token=x"];
 * assert.equal(shownCommand(words), "streamrelay bench load --secret *** --url=wss://host/relay");
 * ```
 */
export function shownCommand(words: readonly string[] = Deno.args): string {
  const shown = words.map((word, at) => {
    const [name] = word.split("=", 1);
    if (SECRETS.has(words[at - 1])) return HIDDEN;
    if (SECRETS.has(name) && name !== word) return `${name}=${HIDDEN}`;
    return quoted(withoutCredentials(word));
  });
  return ["streamrelay", ...shown].join(" ");
}

/** What a shell takes for one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./*-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function withoutCredentials(word: string): string {
  return word.replace(/([a-z]+:\/\/)([^/?#]*@)?([^?#]*)\S*/i, "$1$3")
    .replace(/^([^/]*)@(?=[^/]*(:\d+)?(\/|$))/, "");
}

/**
 * What `streamrelay produce` says of where its stream can be read.
 *
 * @module
 */

import { shownRelayUrl } from "../src/client/relay_url.ts";
import { viewLink } from "../src/client/view_link.ts";
import type { LinkOptions } from "./view.ts";

/** Options of {@linkcode invitation}. */
export interface InvitationOptions extends LinkOptions {
  /** Whether the channel was made up, so that nobody else can know it. */
  readonly fresh: boolean;
  /** Whether stderr is a terminal, which only the user sees; a log may be read by others. */
  readonly terminal: boolean;
  /** Whether a scheduler runs this: its log is where one looks for a job. */
  readonly job: boolean;
  /** Whether links are not wanted. */
  readonly quiet: boolean;
}

/**
 * The lines for stderr. On a terminal the link opens by itself. In a log it has neither key nor token, and it is said how
 * to get a link that has. A script that names its channels and is nobody's job is told nothing: it knows them, and what it
 * writes to stderr may be mailed.
 *
 * @throws {RelayError} as `viewLink` does.
 */
export async function invitation(channel: string, options: InvitationOptions): Promise<string[]> {
  const { fresh, terminal, job, quiet, url, encryptionKey } = options;
  const lines = [];
  if (fresh) {
    lines.push(`streamrelay consume ${channel} --url ${shellWord(shownRelayUrl(url))}`);
    if (encryptionKey) lines.push("(with the same RELAY_ENCRYPTION_KEY)");
  }
  if (quiet || !(fresh || terminal || job)) return lines;
  const link = terminal ? await fullLink(channel, options) : plainLink(channel, options);
  return [...lines, `${fresh ? "or in" : "in"} a browser: ${link}`];
}

async function fullLink(channel: string, options: LinkOptions): Promise<string> {
  const { linkWithAccess } = await import("./view.ts");
  return await linkWithAccess(channel, options);
}

/** Whoever has key and secret gets a link that has what its reader needs by a command that connects to nobody. */
function plainLink(channel: string, { url, secret, encryptionKey }: LinkOptions): string {
  const link = viewLink(url, channel);
  const asked = [encryptionKey && "the key", secret && "a token"].filter(Boolean).join(" and ");
  if (asked === "") return link;
  return `${link} (asks for ${asked}; streamrelay consume ${channel} --web prints a link that has them)`;
}

/** `text` as one word of a POSIX shell. */
function shellWord(text: string): string {
  return /^[\w:/.%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

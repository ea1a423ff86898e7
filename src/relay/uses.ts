/**
 * How often tokens were used.
 *
 * @module
 */

import { RelayError } from "../errors.ts";

/** A token about to be used. */
export interface TokenUse {
  /** When the token expires, ms since 1970: nobody need remember it after that. */
  readonly expiresAt: number;
  readonly maxUses: number;
  /** Who uses it, where that is known: the same one again is a resume and not another use. */
  readonly holder?: string;
}

/** The uses of one token. */
interface Entry {
  readonly expiresAt: number;
  used: number;
  /** Not more than there were uses. */
  readonly holders: Set<string>;
}

/** Tokens that are remembered; at the bound, one more is refused until some have expired. */
const MAX_TOKENS = 100_000;

/**
 * Remembers, until it expires, each token that counts its uses. In memory: a relay that was restarted counts anew, and a
 * producer that resumes there is the first holder again.
 *
 * @example
 * ```ts
 * import { Uses } from "./uses.ts";
 * import assert from "node:assert/strict";
 *
 * const uses = new Uses();
 * const once = { expiresAt: Date.now() + 60_000, maxUses: 1, holder: "mine" };
 * uses.count("token-1", once);
 * uses.count("token-1", once); // a resume
 * assert.throws(() => uses.count("token-1", { ...once, holder: "another" }), { code: "forbidden" });
 * ```
 */
export class Uses {
  readonly #entries = new Map<string, Entry>();
  readonly #maxTokens: number;

  /** `maxTokens`: how many are remembered (default 100,000). */
  constructor(maxTokens: number = MAX_TOKENS) {
    this.#maxTokens = maxTokens;
  }

  /** Number of tokens remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Counts one use of the token `id`. Returns what gives it back, once.
   *
   * @throws {RelayError} `forbidden` where it is used up, `limit` where too many tokens are to be remembered.
   */
  count(id: string, { expiresAt, maxUses, holder }: TokenUse): () => void {
    const entry = this.#entries.get(id) ?? this.#remember(id, expiresAt);
    if (holder !== undefined && entry.holders.has(holder)) return () => {};
    if (entry.used >= maxUses) throw usedUp(maxUses);
    entry.used++;
    if (holder !== undefined) entry.holders.add(holder);
    let counted = true;
    return () => {
      if (!counted) return;
      counted = false;
      entry.used--;
      if (holder !== undefined) entry.holders.delete(holder);
    };
  }

  #remember(id: string, expiresAt: number): Entry {
    if (this.#entries.size >= this.#maxTokens) this.#forgetExpired(Date.now());
    if (this.#entries.size >= this.#maxTokens) {
      throw new RelayError("limit", "too many tokens that count their uses are in use");
    }
    const entry = { expiresAt, used: 0, holders: new Set<string>() };
    this.#entries.set(id, entry);
    return entry;
  }

  /** Costs a look at each, which is why it waits for the bound. */
  #forgetExpired(now: number): void {
    for (const [id, { expiresAt }] of this.#entries) {
      if (expiresAt <= now) this.#entries.delete(id);
    }
  }
}

function usedUp(maxUses: number): RelayError {
  const what = maxUses === 1 ? "token is used already" : `token is used up (${maxUses} uses)`;
  return new RelayError("forbidden", what, { tellPeer: true });
}

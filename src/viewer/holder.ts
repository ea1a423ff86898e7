/// <reference lib="dom" />
/**
 * By what the relay knows this tab again.
 *
 * @module
 */

import { newHolder } from "../protocol/holder.ts";

/**
 * The nonce of this tab for `channel`. It outlives a reload, which so is no second use of a token that is good for one;
 * other tabs and other sites do not see it.
 */
export function holderOf(channel: string): string {
  const name = `streamrelay.holder.${channel}`;
  const kept = sessionStorage.getItem(name);
  if (kept !== null) return kept;
  const holder = newHolder();
  sessionStorage.setItem(name, holder);
  return holder;
}

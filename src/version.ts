/**
 * The version, from the project's one place for it.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };

/** E.g. `0.1.0`. */
export const VERSION: string = config.version;

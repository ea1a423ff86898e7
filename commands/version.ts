/**
 * The version, from the project's one place for it.
 *
 * @module
 */

export { VERSION } from "../src/version.ts";

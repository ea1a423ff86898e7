/**
 * What a relay needs to speak TLS.
 *
 * @module
 */

import { RelayError } from "../src/errors.ts";
import { reasonOf } from "./options.ts";

/**
 * The certificate chain and the key in the files that were named, or `undefined` where none were.
 *
 * @throws {RelayError} `usage` where one of them is missing, cannot be read or is not PEM.
 */
export async function readTls(
  cert: string | undefined,
  key: string | undefined,
): Promise<{ cert: string; key: string } | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new RelayError("usage", "Give --tls-cert and --tls-key together");
  }
  return { cert: await readPem(cert), key: await readPem(key) };
}

async function readPem(path: string): Promise<string> {
  let text;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    throw new RelayError("usage", `Cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
  if (!text.includes("-----BEGIN ")) {
    throw new RelayError("usage", `Cannot use ${path}: it is not PEM`);
  }
  return text;
}

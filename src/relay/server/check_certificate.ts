/**
 * Checks what a relay is to speak TLS with.
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { RelayError } from "../../errors.ts";

/**
 * Checks that `cert` begins with a certificate and `key` is its private key, both PEM. A server takes anything, and then
 * fails each of its clients.
 *
 * @throws {RelayError} `usage` where they are not.
 */
export function checkCertificate({ cert, key }: { cert: string; key: string }): void {
  const certificate = parsed("certificate", () => new X509Certificate(cert));
  const privateKey = parsed("private key", () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new RelayError("usage", "Cannot speak TLS: the key is not that of the certificate");
  }
}

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new RelayError("usage", `Cannot speak TLS: the ${what} cannot be read`, { cause });
  }
}

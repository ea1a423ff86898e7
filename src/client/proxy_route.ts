/**
 * HTTP proxies on the way to a relay.
 *
 * @module
 */

import type { Agent } from "node:http";
import { RelayError } from "../errors.ts";

/** A proxy to go through. */
export interface ProxyRoute {
  /** Where it is, e.g. `proxy.example.org:3128`. */
  readonly host: string;
  /** Tunnels a connection through it by CONNECT, a plain `ws` one too. */
  readonly agent: Agent;
}

/**
 * The proxy that the environment names for `url` (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case);
 * `undefined` where none is to be used.
 *
 * @throws {RelayError} `unreachable` for a proxy that speaks no HTTP.
 */
export async function proxyRoute(url: URL): Promise<ProxyRoute | undefined> {
  const { getProxyForUrl } = await import("proxy-from-env");
  const web = new URL(url);
  web.protocol = url.protocol === "wss:" ? "https:" : "http:";
  const name = getProxyForUrl(web.href);
  if (name === "") return undefined;
  const proxy = URL.parse(name);
  if (proxy === null || !/^https?:$/.test(proxy.protocol)) {
    throw new RelayError(
      "unreachable",
      `Cannot use the proxy that the environment names for ${url.origin}: only http and https proxies are supported`,
    );
  }
  const { HttpsProxyAgent } = await import("https-proxy-agent");
  return { host: proxy.host, agent: new HttpsProxyAgent(proxy) as unknown as Agent };
}

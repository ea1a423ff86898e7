/**
 * HTTP proxies on the way to a relay.
 *
 * @module
 */

import type { Agent } from "node:http";
import { RelayError } from "../errors.ts";

/** Options of the connection to the proxy, of which the types of the agent's library lack the signal. */
type ConnectOptions = object & { readonly signal: AbortSignal };

/** A proxy to go through. */
export interface ProxyRoute {
  /** Where it is, e.g. `proxy.example.org:3128`. */
  readonly host: string;
  /** Tunnels a connection through it by CONNECT, a plain `ws` one too. */
  readonly agent: Agent;
}

/**
 * The proxy that the environment names for `url` (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case);
 * `undefined` where none is to be used. When `signal` is aborted, connections through it are cut, those too that it has not
 * answered yet and that nobody else knows of.
 *
 * @throws {RelayError} `unreachable` for a proxy that speaks no HTTP.
 */
export async function proxyRoute(url: URL, signal: AbortSignal): Promise<ProxyRoute | undefined> {
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
  const agent = new HttpsProxyAgent(proxy, { signal } as ConnectOptions);
  return { host: proxy.host, agent: agent as unknown as Agent };
}

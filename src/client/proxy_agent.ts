/**
 * HTTP proxies on the way to a relay.
 *
 * @module
 */

import type { Agent } from "node:http";

/**
 * The agent that tunnels a connection to `url` through the proxy that the environment names (`HTTPS_PROXY`, `HTTP_PROXY`,
 * `ALL_PROXY`, `NO_PROXY`, in either case); `undefined` where none is to be used. Plain `ws` is tunnelled by CONNECT too.
 */
export async function proxyAgent(url: URL): Promise<Agent | undefined> {
  const { getProxyForUrl } = await import("proxy-from-env");
  const web = new URL(url);
  web.protocol = url.protocol === "wss:" ? "https:" : "http:";
  const proxy = getProxyForUrl(web.href);
  if (proxy === "") return undefined;
  const { HttpsProxyAgent } = await import("https-proxy-agent");
  return new HttpsProxyAgent(proxy) as unknown as Agent;
}

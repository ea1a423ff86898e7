/**
 * nginx and Caddy in front of a relay, configured as docs/operations.md tells operators to.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CADDY, NGINX } from "../set_up.ts";
import { type CliProcess, spawnProcess } from "./cli.ts";
import { until } from "./within.ts";

/** A reverse proxy that runs; leaving its `await using` block ends it. */
export interface ReverseProxy extends AsyncDisposable {
  /** Where clients reach it without TLS, e.g. `http://127.0.0.1:21234`. */
  readonly http: string;
  /** By TLS, and HTTP/2 where the client speaks that, e.g. `https://localhost:21235`. */
  readonly https: string;
  /** File with the authority of its certificate. */
  readonly authority: string;
}

/** The proxies of the document, by name; each starts in front of the relay at port `target` of this machine. */
export const PROXIES: Readonly<Record<string, (target: number) => Promise<ReverseProxy>>> = {
  nginx: (target) => start(target, nginx),
  Caddy: (target) => start(target, caddy),
};

/** What a proxy is started with. */
interface Surroundings {
  /** Directory of its own, which is removed with it. */
  readonly home: string;
  /** Port of the relay. */
  readonly target: number;
  /** Ports to listen on, without and with TLS. */
  readonly plain: number;
  readonly tls: number;
}

/** A program to start. */
interface Program {
  readonly command: [string, ...string[]];
  readonly env?: Record<string, string>;
  /** Where it keeps the authority of its certificate, once it listens. */
  readonly authority: string;
}

/** Longest life of a proxy that a test forgot, ms. */
const TIME_LIMIT_MS = 300_000;
/** Attempts to find two free ports: neither program takes port 0 and tells which one it got. */
const ATTEMPTS = 5;

const OPERATIONS = new URL("../../docs/operations.md", import.meta.url);

async function start(
  target: number,
  make: (surroundings: Surroundings) => Promise<Program>,
): Promise<ReverseProxy> {
  for (let attempt = 1;; attempt++) {
    const home = await Deno.makeTempDir({ prefix: "streamrelay-proxy-" });
    const [plain, tls] = [freePort(), freePort()];
    const { command: [program, ...args], env, authority } = await make({
      ...{ home, target, plain, tls },
    });
    const process = spawnProcess(program, args, { env, timeoutMs: TIME_LIMIT_MS });
    const dispose = async () => {
      await process[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    };
    try {
      await listens(process, [plain, tls], authority);
      const [http, https] = [`http://127.0.0.1:${plain}`, `https://localhost:${tls}`];
      return { http, https, authority, [Symbol.asyncDispose]: dispose };
    } catch (error) {
      await dispose();
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** Resolves once it does; rejects when the process ends before, another one having the port for instance. */
async function listens(process: CliProcess, ports: number[], authority: string): Promise<void> {
  let ended = false;
  void process.finished.finally(() => ended = true).catch(() => {});
  await until(async () => {
    assert.ok(!ended, `the proxy ended: ${process.stderr()}`);
    return (await Promise.all(ports.map(accepts))).every(Boolean) && exists(authority);
  }, () => `the proxy to listen: ${process.stderr()}`);
  await new Promise((resolve) => setTimeout(resolve, 0)); // an end that was on its way is seen
  assert.ok(!ended, `the proxy ended: ${process.stderr()}`);
}

/** nginx, in one process: a worker of its own would outlive a master that is killed. */
async function nginx({ home, target, plain, tls }: Surroundings): Promise<Program> {
  await makeCertificate(home);
  const [map, location] = documented("nginx").replaceAll(":8765", `:${target}`).split(
    /^(?=location )/m,
  );
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${home}/${name};`);
  const configuration = `
daemon off; master_process off; user root; pid ${home}/nginx.pid; error_log stderr warn;
events { worker_connections 512; }
http {
access_log off;
${temporary.join("\n")}
${map}
server {
listen 127.0.0.1:${plain};
listen 127.0.0.1:${tls} ssl http2;
ssl_certificate ${home}/cert.pem;
ssl_certificate_key ${home}/key.pem;
${location}
}
}
`;
  await Deno.writeTextFile(`${home}/nginx.conf`, configuration);
  return {
    command: [NGINX, "-p", home, "-e", "stderr", "-c", `${home}/nginx.conf`],
    authority: `${home}/ca.pem`,
  };
}

/** Caddy, which makes the certificate itself: for this machine by an authority of its own. */
async function caddy({ home, target, plain, tls }: Surroundings): Promise<Program> {
  const site = documented("caddy").replaceAll(":8765", `:${target}`)
    .replace("relay.example.org", `http://127.0.0.1:${plain}, https://localhost:${tls}`);
  const own = "{\nadmin off\nauto_https disable_redirects\nskip_install_trust\n}\n";
  await Deno.writeTextFile(`${home}/Caddyfile`, own + site);
  return {
    command: [CADDY, "run", "--config", `${home}/Caddyfile`, "--adapter", "caddyfile"],
    env: { HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
    authority: `${home}/caddy/pki/authorities/local/root.crt`,
  };
}

/** The block of docs/operations.md in this language. */
function documented(language: string): string {
  const blocks = Deno.readTextFileSync(OPERATIONS).matchAll(/^```(\S+)\n([^]*?)^```$/gm);
  const found = [...blocks].filter(([, info]) => info === language).map(([, , text]) => text);
  assert.equal(found.length, 1, `docs/operations.md has ${found.length} blocks of ${language}`);
  return found[0];
}

/** An authority, and a certificate of it for this machine. */
async function makeCertificate(home: string): Promise<void> {
  const make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const authority = ["-subj", "/CN=test-ca", "-addext", "keyUsage=critical,keyCertSign"];
  const certificate = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=CA:FALSE"];
  for (
    const args of [
      [...authority, "-keyout", "ca.key", "-out", "ca.pem"],
      [...certificate, ...signed, "-keyout", "key.pem", "-out", "cert.pem"],
    ]
  ) {
    const all = [...make, "-nodes", "-days", "2", ...args];
    const { success, stderr } = await new Deno.Command("openssl", { args: all, cwd: home })
      .output();
    assert.ok(success, new TextDecoder().decode(stderr));
  }
}

/** A free port below those that the system hands out by itself, so that no other test is given it meanwhile. */
function freePort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** Whether somebody listens there. */
async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    return false;
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

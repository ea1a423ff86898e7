/**
 * What the tests need from the system, and how they get it on a Debian machine where they are root.
 *
 * @module
 */

/** A system package that some tests cannot run without. */
export interface Requirement {
  /** Name of the Debian package. */
  readonly name: string;
  /** Which tests are skipped without it. */
  readonly reason: string;
  /** Ends with exit code 0 where the package is there, installed by whatever means. */
  readonly probe: readonly [string, ...string[]];
}

/** Debian's own Python: `python3` in PATH may be another one, which sees none of Debian's packages. */
export const PYTHON = "/usr/bin/python3";

/** Runs the Python client of the interop tests. */
export const PYTHON_REQUIREMENTS: readonly Requirement[] = [
  {
    name: "python3",
    reason: "tests/interop: runs the Python client",
    probe: [PYTHON, "--version"],
  },
  {
    name: "python3-websockets",
    reason: "tests/interop: the Python client's WebSockets",
    probe: [PYTHON, "-c", "import websockets"],
  },
  {
    name: "python3-cryptography",
    reason: "tests/interop: the Python client's AES-GCM",
    probe: [PYTHON, "-c", "import cryptography.hazmat.primitives.ciphers.aead"],
  },
];

/** Debian's own Chromium: a browser that `playwright` brings along is on a site that is not always reached. */
export const CHROMIUM = "/usr/bin/chromium";

/** Shows the page. */
export const CHROMIUM_REQUIREMENTS: readonly Requirement[] = [
  {
    name: "chromium",
    reason: "tests/viewer: the page in a real browser",
    probe: [CHROMIUM, "--version"],
  },
];

/** Debian's own reverse proxies, where it puts them: `/usr/sbin` is not in everybody's PATH. */
export const NGINX = "/usr/sbin/nginx";
export const CADDY = "/usr/bin/caddy";

/** Stand in front of a relay. */
export const PROXY_REQUIREMENTS: readonly Requirement[] = [
  {
    name: "nginx",
    reason: "tests/e2e/proxy_sse_test.ts: a relay behind nginx",
    probe: [NGINX, "-v"],
  },
  {
    name: "caddy",
    reason: "tests/e2e/proxy_sse_test.ts: a relay behind Caddy",
    probe: [CADDY, "version"],
  },
  {
    name: "curl",
    reason: "tests/e2e/curl_test.ts, proxy_sse_test.ts: a stream without a program of ours",
    probe: ["curl", "--version"],
  },
  {
    name: "openssl",
    reason: "tests/e2e/tls_test.ts, proxy_sse_test.ts: certificates",
    probe: ["openssl", "version"],
  },
];

/** All that the tests need; a new need is one more entry. */
export const REQUIREMENTS: readonly Requirement[] = [
  ...PYTHON_REQUIREMENTS,
  ...CHROMIUM_REQUIREMENTS,
  ...PROXY_REQUIREMENTS,
];

/** Which of `requirements` are not met, now. */
export function missing(requirements: readonly Requirement[]): Requirement[] {
  return requirements.filter(({ probe: [command, ...args] }) => !succeeds(command, args));
}

/** Installs what is missing where that is possible; returns what is still missing. */
export function setUp(requirements: readonly Requirement[] = REQUIREMENTS): Requirement[] {
  const wanted = missing(requirements);
  if (wanted.length === 0 || !canInstall()) return wanted;
  install(wanted.map(({ name }) => name));
  return missing(wanted);
}

/** Whether this is root on a system with Debian's packages. */
function canInstall(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0 && succeeds("apt-get", ["--version"]) &&
    succeeds("dpkg", ["--version"]);
}

/** Package lists are fetched only where the ones that are there do not lead to the packages. */
function install(packages: string[]): void {
  const args = ["install", "-y", "--no-install-recommends", ...packages];
  withoutServices(() => {
    if (aptGet(args)) return;
    aptGet(["update"]);
    aptGet(args);
  });
}

/** A web server that is installed is started, on port 80, unless this program says no (invoke-rc.d(8)). */
const POLICY = "/usr/sbin/policy-rc.d";

/** Runs `action` while packages start no services; where there is a policy already, that stays. */
function withoutServices(action: () => void): void {
  let made = false;
  try {
    Deno.writeTextFileSync(POLICY, "#!/bin/sh\nexit 101\n", { createNew: true, mode: 0o755 });
    made = true;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  try {
    action();
  } finally {
    if (made) Deno.removeSync(POLICY);
  }
}

function aptGet(args: string[]): boolean {
  console.log(`set-up: apt-get ${args.join(" ")}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const command = new Deno.Command("apt-get", { args, env, stdout: "null", stderr: "inherit" });
  return command.outputSync().success;
}

function succeeds(command: string, args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

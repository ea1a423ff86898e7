/**
 * The browser page, as the relay serves it.
 *
 * @module
 */

import { type ErrorCode, ERRORS } from "../../errors.ts";
import { isChannelId } from "../../protocol/channel_id.ts";
import { ASSETS } from "../../viewer/assets.ts";

/** An answer; of HEAD too, to which the body is not sent. */
export interface ViewAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/**
 * What the page may do: run its own two files and talk to its own relay. So even markup that got past the escaping and
 * past DOMPurify could not run, load or send anything (CSP Level 3); script strings have to come through DOMPurify.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types dompurify",
].join("; ");

const COMMON = { "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer" };

const PAGE = {
  ...COMMON,
  "Cache-Control": "no-store",
  "Content-Security-Policy": CONTENT_SECURITY_POLICY,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};

const ASSET = {
  ...COMMON,
  // the name changes with the content
  "Cache-Control": "public, max-age=31536000, immutable",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/**
 * The answer to a request of `path`, without its query; `undefined` where it is not the page's. The page is the same for
 * everybody and holds nothing of a channel, so it takes no credential: its WebSocket does.
 *
 * @example
 * ```ts
 * import { viewAnswer } from "./view_routes.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(viewAnswer("/view/job-7")?.status, 200);
 * assert.equal(viewAnswer("/view/a%2Fb")?.status, 400);
 * assert.equal(viewAnswer("/health"), undefined);
 * ```
 */
export function viewAnswer(path: string, method = "GET"): ViewAnswer | undefined {
  const [, folder, name] = /^\/(view|view-assets)\/([^/]+)$/.exec(path) ?? [];
  if (folder === undefined) return undefined;
  const answer = folder === "view" ? pageFor(name) : asset(name);
  if (method === "GET" || method === "HEAD" || answer.status !== 200) return answer;
  return failure("bad_request", {
    status: 405,
    message: "use GET",
    headers: { Allow: "GET, HEAD, OPTIONS" },
  });
}

function pageFor(channel: string): ViewAnswer {
  return isChannelId(channel) ? found("view.html", PAGE) : failure("bad_channel");
}

function asset(name: string): ViewAnswer {
  // the page has no name of its own: it would lack its policy
  return Object.hasOwn(ASSETS, name) && name !== "view.html"
    ? found(name, ASSET)
    : failure("bad_path", { message: "no such file: reload the page" });
}

function found(name: string, headers: Record<string, string>): ViewAnswer {
  const { type, body } = ASSETS[name];
  return { status: 200, headers: { "Content-Type": type, ...headers }, body };
}

function failure(
  code: ErrorCode,
  { status = ERRORS[code].status as number, message = ERRORS[code].text as string, headers = {} } =
    {},
): ViewAnswer {
  return {
    status,
    headers: {
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
      ...COMMON,
      ...headers,
    },
    body: JSON.stringify({ error: { code, message } }),
  };
}

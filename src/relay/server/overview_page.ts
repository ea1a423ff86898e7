/**
 * The operator's page: what goes on, now. It holds nothing itself: its script asks for the relay's secret, keeps it in memory
 * and shows what `/channels` says.
 *
 * @module
 */

import { OVERVIEW_SCRIPT } from "./overview_script.ts";

/** One of the page's files. */
export interface OverviewAsset {
  readonly status: 200;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/**
 * Scripts and styles are files of this relay, nothing comes from elsewhere, nothing is sent elsewhere, and nobody may put the
 * page into a frame to have the secret typed into it.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

// the input has no name, so that even without the script nothing puts the secret into a URL
const HTML = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>streamrelay</title>
<link rel="stylesheet" href="overview-assets/overview.css">
<script type="module" src="overview-assets/overview.js"></script>
</head>
<body>
<h1>streamrelay</h1>
<p id="health" role="status">…</p>
<form id="door" hidden>
<label for="secret">The relay's secret</label>
<input id="secret" type="password" autocomplete="off" required>
<button>Show channels</button>
</form>
<p id="fault" role="alert"></p>
<table id="channels" hidden>
<caption id="count"></caption>
<thead><tr>
<th scope="col">channel</th><th scope="col">state</th><th scope="col">producer</th>
<th scope="col" class="n">messages</th><th scope="col" class="n">consumers</th>
<th scope="col" class="n">lag</th><th scope="col" class="n">idle</th>
</tr></thead>
<tbody id="rows"></tbody>
</table>
<noscript><p>This page needs JavaScript.</p></noscript>
</body>
</html>
`;

const CSS = `:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; }
[hidden] { display: none !important; }
form { display: flex; gap: .6rem; align-items: center; flex-wrap: wrap; }
input, button { font: inherit; padding: .25rem .5rem; }
#fault { color: light-dark(#a40000, #ff9090); min-height: 1.45em; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: start; padding: .3rem 0; }
th, td { text-align: start; padding: .25rem .6rem; border-bottom: 1px solid #8884; }
td { overflow-wrap: anywhere; }
td.n { white-space: nowrap; }
.n { text-align: end; font-variant-numeric: tabular-nums; }
td:first-child { font-family: ui-monospace, monospace; }
[data-state="away"], [data-state="waiting"] { opacity: .75; }
`;

const ASSETS = new Map<string, OverviewAsset>([
  ["/", file(HTML, "text/html; charset=utf-8", { "Content-Security-Policy": POLICY })],
  ["/overview-assets/overview.css", file(CSS, "text/css; charset=utf-8")],
  ["/overview-assets/overview.js", file(OVERVIEW_SCRIPT, "text/javascript; charset=utf-8")],
]);

/** The page's file at `path`. */
export function overviewAsset(path: string): OverviewAsset | undefined {
  return ASSETS.get(path);
}

function file(body: string, type: string, headers: Record<string, string> = {}): OverviewAsset {
  return { status: 200, headers: { "Content-Type": type, ...headers }, body };
}

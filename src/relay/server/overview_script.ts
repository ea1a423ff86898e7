/**
 * The script of the operator's page.
 *
 * @module
 */

/**
 * JavaScript for browsers, as it is served. All that comes from the relay is set as text, never as markup. The secret stays
 * in a variable: in `sessionStorage` any other page of the relay could read it.
 */
export const OVERVIEW_SCRIPT = String.raw`const POLL_MS = 2000;
const LIMIT = 200;
const byId = (id) => document.getElementById(id);
let secret;
let timer;

async function ask(path) {
  const headers = secret === undefined ? {} : { Authorization: "Bearer " + secret };
  const response = await fetch(path, { headers, cache: "no-store", signal: AbortSignal.timeout(10000) });
  const body = await response.json();
  return { status: response.status, body };
}

function duration(seconds) {
  if (seconds < 60) return Math.floor(seconds) + " s";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min";
  return Math.floor(seconds / 3600) + " h";
}

function cell(text, numeric) {
  const td = document.createElement("td");
  td.textContent = text;
  if (numeric) td.className = "n";
  return td;
}

function describe(meta) {
  return Object.entries(meta ?? {}).map(([name, value]) => name + " " + value).join(", ");
}

function row(channel) {
  const tr = document.createElement("tr");
  const { state, end, position } = channel;
  tr.dataset.state = state;
  tr.append(
    cell(channel.id),
    cell(end === undefined ? state : state + ": " + end.status),
    cell(describe(channel.meta)),
    cell(position === undefined ? "" : position.slice(position.lastIndexOf(":") + 1), true),
    cell(channel.consumers, true),
    cell(channel.lag, true),
    cell(duration(channel.idle_seconds), true),
  );
  return tr;
}

function showHealth(health) {
  const MiB = 2 ** 20;
  byId("health").textContent = health.status + ", version " + health.version + ", up " +
    duration(health.uptime_seconds) + ", " + health.connections + " connections, " +
    Math.round(health.memory_bytes / MiB) + " of " +
    Math.round(health.memory_limit_bytes / MiB) + " MiB";
}

function showChannels({ total, channels }) {
  byId("count").textContent = total === channels.length
    ? total + " channels"
    : total + " channels, the first " + channels.length + " of them";
  byId("rows").replaceChildren(...channels.map(row));
  byId("channels").hidden = false;
  byId("door").hidden = true;
}

function askForSecret() {
  byId("channels").hidden = true;
  if (!byId("door").hidden) return;
  byId("door").hidden = false;
  byId("secret").focus();
}

async function update() {
  clearTimeout(timer);
  try {
    showHealth((await ask("health")).body);
    const { status, body } = await ask("channels?limit=" + LIMIT);
    byId("fault").textContent = status === 200 || secret === undefined ? "" : body.error.message;
    if (status === 200) showChannels(body);
    else if (status === 401 || status === 403) return (secret = undefined, askForSecret());
  } catch {
    byId("fault").textContent = "the relay does not answer; trying again";
  }
  if (!document.hidden) timer = setTimeout(update, POLL_MS);
}

byId("door").addEventListener("submit", (event) => {
  event.preventDefault();
  secret = byId("secret").value;
  byId("secret").value = "";
  update();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && byId("door").hidden) update();
});
update();
`;

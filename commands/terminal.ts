/**
 * What people read: stderr, with colour and a status line on a terminal, plain elsewhere.
 *
 * @module
 */

const encoder = new TextEncoder();

/** Whether stderr is a terminal that wants colour (`NO_COLOR` is respected). */
function colourful(): boolean {
  return Deno.stderr.isTerminal() && !Deno.env.get("NO_COLOR") && Deno.env.get("TERM") !== "dumb";
}

/** Columns of the terminal that stderr is; `undefined` where it does not tell, or is none. */
export function terminalColumns(): number | undefined {
  try {
    return Deno.consoleSize().columns || undefined;
  } catch {
    return undefined; // the caller has a usual width
  }
}

/** A line for the user. */
export function say(line: string): void {
  clearStatus();
  write(`${line}\n`);
}

/** A job must not end because its log cannot be written to. */
function write(text: string): void {
  try {
    Deno.stderr.writeSync(encoder.encode(text));
  } catch {
    // nobody is left who could be told
  }
}

/** A line for the user about something that went wrong. */
export function complain(line: string): void {
  say(`${colourful() ? "\x1b[31mstreamrelay:\x1b[0m" : "streamrelay:"} ${line}`);
}

let statusShown = false;

/** Shows a line that goes away with the next one; nothing where stderr is not a terminal. */
export function status(line: string): void {
  if (!Deno.stderr.isTerminal()) return;
  clearStatus();
  write(colourful() ? `\x1b[2m${line}\x1b[0m` : line);
  statusShown = true;
}

/** Takes the status line away. */
export function clearStatus(): void {
  if (!statusShown) return;
  statusShown = false;
  write("\r\x1b[K");
}

/// <reference lib="dom" />
/**
 * Where the page begins.
 *
 * @module
 */

import { readAddress } from "./address.ts";
import { Page } from "./page.ts";
import { Screen } from "./screen.ts";

const screen = new Screen();
const address = readAddress(location.href);
screen.channel.textContent = address.channel;
// another key or token in the fragment is another page, which a browser does not load anew on its own
addEventListener("hashchange", () => location.reload());
await new Page(screen).run(address);

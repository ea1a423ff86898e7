/**
 * The rooms of the program: imports only point downward, and some edges must not exist at all.
 *
 * @module
 */

import assert from "node:assert/strict";
import config from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

/** What is run and what is imported by others; all other files are reached from these. */
const ROOTS = ["main.ts", "src/mod.ts", "src/viewer/view.ts", "src/bench/report/page.ts"];

/** The library's door: it hands out what others made, and nobody inside goes through it. */
const DOOR = "src/mod.ts";

/** Floor of each room, by its folder. A file belongs to the room of its nearest folder that is named here. */
const FLOORS = {
  "main.ts": 7,
  "commands": 6,
  "src/bench": 5,
  [DOOR]: 4.5,
  "src/relay/server": 4,
  "src/relay": 3,
  "src/viewer": 3,
  "src/log": 2,
  "src/client": 2,
  "src/protocol": 1,
  "src/crypto": 1,
  "src/system": 1.5,
  "src": 0,
} as const;

type Room = keyof typeof FLOORS;

/** The only rooms that know they are run from a command line. */
const COMMAND_LINE: Room[] = ["commands", "main.ts"];

/** One import of a file of ours; `to` is a path like `from`, or `npm:…`, `node:…`. */
interface Edge {
  readonly from: string;
  readonly to: string;
}

/** The part of the answer of `deno info --json` that is read here. */
interface ModuleGraph {
  readonly modules: {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string; readonly error?: string };
      readonly type?: { readonly specifier?: string; readonly error?: string };
    }[];
  }[];
}

const edges = ROOTS.flatMap(edgesFrom);
const files = ["src", "commands"].flatMap(filesIn).concat("main.ts");

/** All imports, of types too, in the files that `root` leads to. */
function edgesFrom(root: string): Edge[] {
  const { success, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", root],
    cwd: ROOT,
  }).outputSync();
  assert.ok(success, `Cannot read the imports of ${root}: ${new TextDecoder().decode(stderr)}`);
  const graph: ModuleGraph = JSON.parse(new TextDecoder().decode(stdout));
  return graph.modules.flatMap(({ specifier, error, dependencies = [] }) => {
    assert.equal(error, undefined, `Cannot read ${specifier}: ${error}`);
    if (!specifier.startsWith(ROOT.href)) return [];
    return dependencies.flatMap(({ specifier: written, code, type }) =>
      [code, type].filter((side) => side !== undefined).map((side) => {
        assert.ok(side.specifier !== undefined, `Cannot find ${written}: ${side.error}`);
        return { from: pathOf(specifier), to: pathOf(side.specifier) };
      })
    );
  });
}

function pathOf(specifier: string): string {
  return specifier.startsWith(ROOT.href) ? specifier.slice(ROOT.href.length) : specifier;
}

/** The TypeScript files in a folder and the folders in it. */
function filesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(new URL(folder, ROOT))).flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? filesIn(path) : name.endsWith(".ts") ? [path] : [];
  });
}

/** The room of a file; files right in `src` have one of their own, those in a folder that is not named have none. */
function roomOf(path: string): Room {
  for (let folder = path; folder !== "src" && folder !== ""; folder = parentOf(folder)) {
    if (folder in FLOORS) return folder as Room;
  }
  assert.equal(parentOf(path), "src", `${path} is in no room`);
  return "src";
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

const isOurs = ({ to }: Edge) => to.endsWith(".ts");
const describe = ({ from, to }: Edge) => `${from} → ${to}`;

/** The files that importing `path` leads to, with the way there. */
function reachedFrom(path: string): Map<string, string> {
  const ways = new Map([[path, path]]);
  for (const [at, way] of ways) {
    for (const { to } of edges.filter(({ from }) => from === at)) {
      if (!ways.has(to)) ways.set(to, `${way} → ${to}`);
    }
  }
  return ways;
}

/** The ways from files of `rooms` to files of `others`. */
function waysBetween(rooms: Room[], others: Room[]): string[] {
  const starts = files.filter((file) => rooms.includes(roomOf(file)));
  assert.ok(starts.length > 0, `nothing is in ${rooms}`);
  return starts.flatMap((start) =>
    Array.from(reachedFrom(start)).filter(([to]) =>
      to.endsWith(".ts") && others.includes(roomOf(to))
    ).map(([, way]) => way)
  );
}

/**
 * Source without its comments and without the text in its strings; what is in the `${…}` of templates stays. It does
 * not know regular expressions: one with a quote or two slashes in it hides the rest of its line.
 */
function codeOf(source: string): string {
  const text =
    /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[^]|[^`\\])*`/g;
  return source.replaceAll(text, (match) => {
    if (match[0] !== "`") return " ";
    return Array.from(match.matchAll(/\$\{([^}]*)\}/g), ([, code]) => `(${code})`).join(" ");
  });
}

/** The places in the code of `paths` where `pattern` is found. */
function uses(paths: string[], pattern: RegExp): string[] {
  assert.ok(paths.length > 0, "no file to look at");
  return paths.flatMap((path) => {
    const found = codeOf(Deno.readTextFileSync(new URL(path, ROOT))).match(pattern);
    return found === null ? [] : [`${path}: ${found[0]}`];
  });
}

Deno.test("every file is reached from a root, so that the rules hold for all of them", () => {
  const reached = new Set(ROOTS.flatMap((root) => [...reachedFrom(root).keys()]));
  assert.deepEqual(files.filter((file) => !reached.has(file)), []);
});

Deno.test("imports only point downward", () => {
  const upward = edges.filter(isOurs).filter(({ from, to }) =>
    roomOf(from) !== roomOf(to) && FLOORS[roomOf(from)] <= FLOORS[roomOf(to)]
  );
  assert.deepEqual(upward.map(describe), []);
});

Deno.test("nobody inside goes through the library's door", () => {
  const entries = edges.filter(({ from, to }) => to === DOOR && from.startsWith("src/"));
  assert.deepEqual(entries.map(describe), []);
});

Deno.test("the relay cannot read tokens: no way leads from log, relay or server to crypto", () => {
  assert.deepEqual(waysBetween(["src/log", "src/relay", "src/relay/server"], ["src/crypto"]), []);
});

Deno.test("no way leads from the client to the log or the relay", () => {
  const relay: Room[] = ["src/log", "src/relay", "src/relay/server"];
  assert.deepEqual(waysBetween(["src/client"], relay), []);
});

Deno.test("protocol and crypto run in a browser: they use nothing of Deno or Node", () => {
  const rooms: Room[] = ["src/protocol", "src/crypto"];
  const inside = (path: string) => rooms.includes(roomOf(path));
  const imports = edges.filter(({ from, to }) => inside(from) && to.startsWith("node:"));
  assert.deepEqual(imports.map(describe), []);
  assert.deepEqual(uses(files.filter(inside), /\b(Deno|process|Buffer)\s*\.\s*\w+/), []);
});

Deno.test("only the commands know the command line: its library, its environment, its exit and output", () => {
  const outside = (path: string) => !COMMAND_LINE.includes(roomOf(path));
  const library = /^npm:\/?(commander|@commander-js\/[^@]+|@bomb\.sh\/[^@]+)@/;
  const imports = edges.filter(({ from, to }) => outside(from) && library.test(to));
  assert.deepEqual(imports.map(describe), []);
  assert.ok(edges.some(({ to }) => library.test(to)), "the commands do not use it either");
  const surroundings =
    /\bconsole\s*\.\s*\w+|\bDeno\s*\.\s*(env|exit|args|stdout|stderr)\b|\bprocess\s*\.\s*(env|exit|argv|stdout|stderr)\b/;
  assert.deepEqual(uses(files.filter(outside), surroundings), []);
});

Deno.test("every npm dependency has a row in the table of the README", () => {
  const names = Object.values(config.imports)
    .map((specifier) => /^npm:((?:@[^/]+\/)?[^@/]+)/.exec(specifier)?.[1])
    .filter((name) => name !== undefined);
  assert.ok(names.length > 0);
  const readme = Deno.readTextFileSync(new URL("README.md", ROOT));
  const table = /^\| what +\| with +\|[^]*?\n\n/m.exec(readme)?.[0] ?? assert.fail("no such table");
  const cells = table.split("\n").map((row) => row.split("|")[2]).join();
  assert.deepEqual(names.filter((name) => !cells.includes(`\`${name}\``)), []);
});

Deno.test("code is told from comments and text", () => {
  const source = [
    "// Deno.a, it's \"x",
    '/* Deno.b `\n */ const s = "Deno.c // \\" Deno.d" + \'Deno.e\'; f(Deno.one);',
    "const t = `Deno.g ${Deno.two} \\` Deno.h // ${Deno.three}`; // Deno.i",
    "Deno.four();",
  ].join("\n");
  const found = codeOf(source).match(/Deno\.\w+/g);
  assert.deepEqual(found, ["Deno.one", "Deno.two", "Deno.three", "Deno.four"]);
});

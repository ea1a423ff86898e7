import assert from "node:assert/strict";
import fc from "fast-check";
import { MarkdownBlocks } from "../../src/viewer/markdown_blocks.ts";

/** The sources of all blocks, the unfinished one last. */
function blocksOf(pieces: Iterable<string>): string[] {
  const blocks = new MarkdownBlocks();
  const finished = Array.from(pieces, (piece) => blocks.feed(piece)).flat();
  return [...finished, blocks.open].map(({ source }) => source);
}

const TEXT = [
  "# Title\n",
  "\nSome\ntext\n",
  "\n- one\n\n  more of one\n- two\n",
  "\n```js\na\n\n# no title\n```\n",
  "| a | b |\n|---|---|\n| 1 | 2 |\n",
  "\n> quoted\n> more\n",
  "\n1. first\n2. second\n",
  "\nthe end",
].join("");

Deno.test("a block is finished when the next one has begun", () => {
  const blocks = blocksOf([TEXT]).map((block) => block.trim());
  assert.deepEqual(blocks, [
    "# Title",
    "Some\ntext",
    "- one\n\n  more of one\n- two",
    "```js\na\n\n# no title\n```",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "> quoted\n> more",
    "1. first\n2. second\n\nthe end",
  ]);
});

Deno.test("however the text comes, no block grows or changes once it is finished", () => {
  const whole = blocksOf([TEXT]);
  assert.deepEqual(blocksOf(TEXT), whole);
  for (let cut = 1; cut < TEXT.length; cut++) {
    assert.deepEqual(blocksOf([TEXT.slice(0, cut), TEXT.slice(cut)]), whole);
  }
});

Deno.test("all that is fed comes out, whatever it is", () => {
  const dense = (text: string) => text.replace(/\s/g, "");
  const piece = fc.stringMatching(/^[-#>`~|*\w \n\r\t]{0,12}$/);
  fc.assert(fc.property(fc.array(piece), (pieces) => {
    const text = pieces.join("");
    assert.equal(dense(blocksOf(pieces).join("")), dense(text));
  }));
});

Deno.test("a block that is too long is cut between lines, and code stays code", () => {
  const text = `~~~py\n${"x = 1\n".repeat(10_000)}`;
  const blocks = new MarkdownBlocks();
  const finished = blocks.feed(text);
  assert.ok(finished.length > 1);
  for (const [i, { source, continued }] of [...finished, blocks.open].entries()) {
    assert.ok(source.length < 20_000);
    assert.match(source, /^~~~py\n(x = 1\n)*(~~~\n)?$/);
    assert.equal(continued, i > 0);
  }
});

Deno.test("a text without lines is cut between words, and one without words anywhere", () => {
  for (const [unit, whole] of [["word ", /^(word )+$/], ["x", /^x+$/]] as const) {
    const text = unit.repeat(20_000);
    const blocks = blocksOf([text]);
    assert.ok(blocks.length > 1);
    assert.equal(blocks.join(""), text);
    for (const block of blocks) assert.match(block, whole);
  }
});

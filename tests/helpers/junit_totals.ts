/**
 * The sums of a JUnit report.
 *
 * @module
 */

/** Numbers of tests, those in documentation and the steps of tests included. */
export interface TestTotals {
  passed: number;
  /** Failed, or cancelled by the failure of its module. */
  failed: number;
  skipped: number;
}

/**
 * Sums up the report that `deno test --junit-path` wrote: the root element counts tests, failures and errors
 * (cancelled tests), and only its `<testsuite>` elements count what was skipped (`disabled`). All text and every
 * attribute in it is escaped, so neither a `>` nor a quote of a test's name can be met inside a tag.
 *
 * `undefined` where `xml` is no whole report.
 *
 * @example
 * ```ts
 * import { junitTotals } from "./junit_totals.ts";
 * import assert from "node:assert/strict";
 *
 * const suite = '<testsuite name="a &lt;b&gt;" tests="5" disabled="2" errors="0" failures="1"></testsuite>';
 * const xml = `<testsuites name="x" tests="5" failures="1" errors="0">${suite}</testsuites>`;
 * assert.deepEqual(junitTotals(xml), { passed: 2, failed: 1, skipped: 2 });
 * assert.equal(junitTotals(""), undefined);
 * ```
 */
export function junitTotals(xml: string): TestTotals | undefined {
  const root = /<testsuites [^>]*>/.exec(xml)?.[0];
  if (root === undefined || !xml.trimEnd().endsWith("</testsuites>")) return undefined;
  const suites = xml.match(/<testsuite [^>]*>/g) ?? [];
  const failed = attribute(root, "failures") + attribute(root, "errors");
  const skipped = suites.reduce((sum, suite) => sum + attribute(suite, "disabled"), 0);
  return { passed: attribute(root, "tests") - failed - skipped, failed, skipped };
}

function attribute(tag: string, name: string): number {
  const value = new RegExp(` ${name}="(\\d+)"`).exec(tag)?.[1];
  if (value === undefined) throw new Error(`Cannot read the report: no ${name} in ${tag}`);
  return Number(value);
}

/**
 * What the relay answers by HTTP besides streams.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import type { Answer } from "./http_error.ts";
import { type OperatorOptions, operatorRoutes } from "./operator_routes.ts";
import { viewAnswer } from "./view_routes.ts";

/** Answers requests of paths of its own; `undefined` for others. */
export type Route = (
  request: IncomingMessage,
  url: URL,
) => Answer | undefined | Promise<Answer | undefined>;

/** The operator's paths, then the browser page. */
export function httpRoutes(options: OperatorOptions): readonly Route[] {
  return [operatorRoutes(options), ({ method }, { pathname }) => viewAnswer(pathname, method)];
}

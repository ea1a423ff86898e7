/**
 * The HTTP surface.
 *
 * @module
 */

import { Hono } from "hono";
import { type ErrorCode, ERRORS } from "../../errors.ts";

/** What the routes need to know. */
export interface RouteOptions {
  /** The JSON text that `/health` answers. */
  readonly health: () => string;
}

/** Builds the routes: `GET /health`, and a JSON error for everything else. */
export function httpRoutes({ health }: RouteOptions): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    context.header("X-Content-Type-Options", "nosniff");
    context.header("Cache-Control", "no-store");
  });
  app.get(
    "/health",
    (context) => context.body(health(), 200, { "Content-Type": "application/json" }),
  );
  app.all("/health", (context) => {
    context.header("Allow", "GET, HEAD");
    return context.json(errorBody("bad_request", "use GET"), 405);
  });
  for (const path of ["/produce/:channel", "/consume/:channel"]) {
    app.all(path, (context) => {
      context.header("Upgrade", "websocket");
      return context.json(errorBody("bad_request", "connect to this path with a WebSocket"), 426);
    });
  }
  app.notFound((context) => context.json(errorBody("bad_path"), 404));
  return app;
}

function errorBody(code: ErrorCode, message: string = ERRORS[code].text) {
  return { error: { code, message } };
}

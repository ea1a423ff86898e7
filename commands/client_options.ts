/**
 * The options that all clients of a relay have, so that they are the same, in the same order, in each.
 *
 * None of these functions has a type parameter, though the list of the relay's options is here twice for that: with one the
 * compiler takes ten seconds for each change of a command.
 *
 * @module
 */

import { Argument, type Command } from "@commander-js/extra-typings";
import { RelayError } from "../src/errors.ts";
import {
  channelOption,
  keyFileOption,
  keyOption,
  secretFileOption,
  secretOption,
  tokenOption,
  urlOption,
} from "./options.ts";

/** Adds the relay and the credential for it. */
export function withRelay(command: Command) {
  return command
    .addOption(urlOption())
    .addOption(secretOption())
    .addOption(secretFileOption())
    .addOption(tokenOption());
}

/** Adds a channel, as an argument, a flag or a variable, and its relay; `absent` is what happens without one. */
export function withChannel(command: Command, absent = "") {
  const text = `the channel (default: CHANNEL_ID of the environment${absent})`;
  return command
    .addArgument(new Argument("[channel]", text))
    .addOption(channelOption())
    .addOption(urlOption())
    .addOption(secretOption())
    .addOption(secretFileOption())
    .addOption(tokenOption());
}

/** Adds a channel and the key to what is in it. */
export function withSealedChannel(command: Command, absent?: string) {
  return withChannel(command, absent).addOption(keyOption()).addOption(keyFileOption());
}

/**
 * The channel that was named: the argument, or flag or variable, which may be set and empty.
 *
 * @throws {RelayError} `usage` where there is none; it says how to name one to `command`.
 */
export function namedChannel(
  argument: string | undefined,
  { channel }: { channel?: string },
  command: string,
): string {
  const named = argument ?? (channel || undefined);
  if (named !== undefined) return named;
  throw new RelayError(
    "usage",
    `Name the channel: streamrelay ${command} CHANNEL, or set CHANNEL_ID`,
  );
}

/**
 * `streamrelay token`
 *
 * @module
 */

import { Command, InvalidArgumentError } from "@commander-js/extra-typings";
import { RelayError } from "../src/errors.ts";
import { isTokenRole, MAX_USES, type TokenRole } from "../src/relay/token_claims.ts";
import {
  channelOption,
  clientSecrets,
  durationOption,
  secretFileOption,
  secretOption,
} from "./options.ts";
import { Output } from "./output.ts";
import { complain } from "./terminal.ts";
import { count, duration } from "./values.ts";

/** Bytes below which a key of HS256 can be guessed by who has a token (RFC 7518 §3.2). */
const GOOD_SECRET_BYTES = 32;

/** Makes a token. */
export function tokenCommand() {
  return new Command("token")
    .description("make a credential that is good for one channel, for a time; needs no relay")
    .addOption(channelOption())
    .requiredOption(
      "--role <roles>",
      "what it allows: produce, consume, cancel; or several: consume,cancel",
      roles,
    )
    .addOption(
      durationOption(
        "--ttl <seconds>",
        "how long it is good for: time in the queue and run of a job, as each new connection is asked",
        3_600_000,
      ),
    )
    .option(
      "--once",
      "good for one use: whoever uses it first. A lost connection of theirs may come back",
    )
    .option("--max-uses <n>", `good for so many uses, up to ${MAX_USES}`, count(1))
    .option("--sub <name>", "for whom; --max-streams-per-user of the relay counts by it")
    .option("--not-before <seconds>", "good only from so long after now on", duration)
    .addOption(secretOption())
    .addOption(secretFileOption())
    .addHelpText(
      "after",
      `
Times are in seconds or with a unit (90s, 10m, 1h). It is a JSON Web Token (HS256): anybody who has it can read it, and do
what it allows. There is no taking it back, but for a change of the relay's secret.

Examples:
  export RELAY_TOKEN=$(streamrelay token --channel job-7 --role produce --ttl 24h --once --secret-file ~/.relay.secret)
  sbatch --export=ALL,CHANNEL_ID=job-7 job.sh          the job gets a token, and no secret
  streamrelay token --channel job-7 --role consume --ttl 10m --secret-file ~/.relay.secret`,
    )
    .action(async (options, command) => {
      const { channel, role, once, maxUses, ttl, sub, notBefore } = options;
      if (!channel) throw new RelayError("usage", "Name the channel: --channel, or set CHANNEL_ID");
      if (once && maxUses !== undefined) {
        throw new RelayError("usage", "Give --once or --max-uses, not both");
      }
      const { secret } = await clientSecrets(options, (name) => command.getOptionValueSource(name));
      if (secret === undefined) {
        throw new RelayError(
          "usage",
          "Give the relay's secret, of which tokens are made: --secret-file, or RELAY_SECRET",
        );
      }
      if (new TextEncoder().encode(secret).length < GOOD_SECRET_BYTES) {
        complain(
          "the secret is short: who has the token may find it by trying. " +
            "Better the output of: streamrelay keygen --hex",
        );
      }
      const { mintToken } = await import("../src/relay/token.ts");
      const now = Date.now();
      const token = await mintToken(secret, {
        channel,
        roles: role,
        ttlMs: ttl,
        sub,
        maxUses: once ? 1 : maxUses,
        notBefore: notBefore === undefined ? undefined : now + notBefore,
        now,
      });
      const output = new Output();
      output.write(`${token}\n`);
      await output.flush();
    });
}

function roles(text: string): TokenRole[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.every(isTokenRole)) return [...new Set(names)];
  throw new InvalidArgumentError("Give produce, consume or cancel, or several with commas.");
}

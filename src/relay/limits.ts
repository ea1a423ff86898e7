/**
 * The bounds of a relay.
 *
 * @module
 */

/** Every bound of a relay; at each of them something named happens, never silence. */
export interface RelayLimits {
  /** Messages retained per channel; over it the oldest are forgotten, and a reader that wanted them is closed 4008. */
  readonly maxBuffer: number;
  /** Bytes retained per channel; as above. */
  readonly maxBufferBytes: number;
  /** Bytes of all channels together; over it ended streams are dropped, oldest first, then the largest logs forget. */
  readonly maxMemory: number;
  /** Channels; one more is refused with 4010. */
  readonly maxChannels: number;
  /** Readers per channel; one more is refused with 4010. */
  readonly maxConsumers: number;
  /** Bytes of one message; a larger one closes its producer with 1009. */
  readonly maxMessageBytes: number;
  /** How long a channel with only one side may be idle, ms; then it expires (4012). */
  readonly channelTimeoutMs: number;
  /** How long a finished stream stays readable, ms. */
  readonly retainMs: number;
  /** How long a reader may take nothing while there is something for it, ms; then it is closed 4008. */
  readonly stallTimeoutMs: number;
  /**
   * How long a resumable client may be away, ms. Then a producer's stream is lost, and a fast producer no longer waits for a
   * reader that was cut off.
   */
  readonly resumeTimeoutMs: number;
  /**
   * How long a slow reader may hold up a resumable producer whose log is half full of what that reader has still to get,
   * ms; each 512 KiB it takes start the time anew. Then the producer goes on, and the reader may get a gap.
   */
  readonly holdTimeoutMs: number;
  /** How long a client may take to send its credential, ms; then it is closed 4003, without a hello (v2) 4010. */
  readonly authTimeoutMs: number;
  /** Streams that producers whose tokens name the same user run at a time; one more is refused with 4010. */
  readonly maxStreamsPerUser: number;
  /** How long such a stream counts once its producer is gone without having ended it, ms. */
  readonly leaseTtlMs: number;
  /** Connections of one address; one more is refused with 429. */
  readonly maxConnectionsPerAddress: number;
  /** Messages a second that are read from the producers of a channel, one after the other; a faster one waits. */
  readonly maxMessageRate: number;
  /** Bytes a second, likewise. */
  readonly maxByteRate: number;
  /** How often an idle connection is pinged, ms. */
  readonly pingIntervalMs: number;
  /** How long a peer may be silent, pings unanswered, ms; then its connection is cut. */
  readonly deadAfterMs: number;
}

const MiB = 1024 * 1024;

/** What holds where nothing else is said. */
export const DEFAULT_LIMITS: RelayLimits = {
  maxBuffer: 100_000,
  maxBufferBytes: 8 * MiB,
  maxMemory: 512 * MiB,
  maxChannels: 10_000,
  maxConsumers: 1_000,
  maxMessageBytes: 10 * MiB,
  channelTimeoutMs: 300_000,
  retainMs: 300_000,
  stallTimeoutMs: 60_000,
  resumeTimeoutMs: 30_000,
  holdTimeoutMs: 10_000,
  authTimeoutMs: 10_000,
  maxStreamsPerUser: Infinity,
  leaseTtlMs: 60_000,
  maxConnectionsPerAddress: 20_000,
  maxMessageRate: Infinity,
  maxByteRate: Infinity,
  pingIntervalMs: 15_000,
  deadAfterMs: 40_000,
};

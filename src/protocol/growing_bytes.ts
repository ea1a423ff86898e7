/**
 * Bytes put together from pieces in memory that at most doubles what has arrived.
 *
 * @module
 */

/** An append-only byte buffer. It has no bound of its own: who pushes checks the size first. */
export class GrowingBytes {
  /** The memory; only the first {@linkcode length} bytes have a meaning. */
  bytes: Uint8Array;
  /** Bytes pushed so far. */
  length: number;

  /** Starts with a copy of `first`. */
  constructor(first: Uint8Array) {
    this.bytes = new Uint8Array(first); // not slice(): that of a Node Buffer is a view
    this.length = first.length;
  }

  /** Appends a copy of `piece`. */
  push(piece: Uint8Array): void {
    const length = this.length + piece.length;
    if (length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(64, length, 2 * this.bytes.length));
      larger.set(this.view());
      this.bytes = larger;
    }
    this.bytes.set(piece, this.length);
    this.length = length;
  }

  /** What was pushed, without a copy. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}

/**
 * What is used of `jstat`, which comes without types.
 *
 * @module
 */

/** Student's t distribution. */
interface StudentT {
  /** The value that a part `p` of all do not exceed, with `dof` degrees of freedom. */
  inv(p: number, dof: number): number;
}

declare const jstat: { readonly studentt: StudentT };
export default jstat;

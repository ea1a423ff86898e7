/** The text that the demo streams. */
export const DEMO_TEXT =
  "Alice was beginning to get very tired of sitting by her sister on the bank.\n";

/**
 * Arrays that sampling works in, shape [vocabulary] each. Tokens are sampled one after another, so one
 * of these serves all sequences of a thread: 3.6 MB at 151,936 tokens, allocated once.
 */
export class SamplingScratch {
  /** Logits as rules and penalties change them. */
  scores = new Float32Array();
  /** Tokens that may come next, ascending. */
  ids = new Int32Array();
  /** Their probabilities, up to a factor. */
  weights = new Float64Array();
  /** Places in `ids` in another order. */
  places = new Int32Array();
  /** A heap, or weights in float32. */
  floats = new Float32Array();
  /** The bits of `floats`. */
  floatBits = new Uint32Array();

  /** Makes the arrays as long as the logits are. */
  fit(vocabulary: number): void {
    if (this.scores.length === vocabulary) {
      return;
    }
    this.scores = new Float32Array(vocabulary);
    this.ids = new Int32Array(vocabulary);
    this.weights = new Float64Array(vocabulary);
    this.places = new Int32Array(vocabulary);
    this.floats = new Float32Array(vocabulary);
    this.floatBits = new Uint32Array(this.floats.buffer);
  }
}

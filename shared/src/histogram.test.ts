import { expect, it } from "vitest";

import { Histogram } from "./histogram.ts";

it("counts each figure in its bucket and in all above", () => {
  const histogram = new Histogram([0.1, 1]);
  histogram.note(0.1);
  histogram.note(0.5, 3);
  histogram.note(7);
  expect(histogram.format("seconds")).toBe(
    'seconds_bucket{le="0.1"} 1\n' +
      'seconds_bucket{le="1"} 4\n' +
      'seconds_bucket{le="+Inf"} 5\n' +
      "seconds_sum 8.6\n" +
      "seconds_count 5\n",
  );
});

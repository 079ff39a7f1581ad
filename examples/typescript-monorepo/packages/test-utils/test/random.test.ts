import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../src/clock.js";
import { Random } from "../src/random.js";

const take = (count: number, next: () => number) => Array.from({ length: count }, next);

describe("Random", () => {
  it("repeats itself for a seed", () => {
    const [a, b, c] = [new Random(7), new Random(7), new Random(8)];
    const first = take(5, () => a.next());
    assert.deepEqual(first, take(5, () => b.next()));
    assert.notDeepEqual(first, take(5, () => c.next()));
  });

  it("reaches both ends of a range and nothing beyond", () => {
    const random = new Random(1);
    assert.deepEqual(new Set(take(200, () => random.int(1, 4))), new Set([1, 2, 3, 4]));
  });

  it("has the mean of a Poisson variable", () => {
    const random = new Random(3);
    const draws = take(5000, () => random.poisson(4));
    const mean = draws.reduce((a, b) => a + b, 0) / draws.length;
    assert.ok(Math.abs(mean - 4) < 0.15, String(mean));
  });
});

describe("ManualClock", () => {
  it("moves only when told", () => {
    const clock = new ManualClock("2025-01-31T23:00:00Z");
    assert.equal(clock.now().getTime(), clock.now().getTime());
    clock.advance({ hours: 1, minutes: 30, ms: 5 });
    assert.equal(clock.now().toISOString(), "2025-02-01T00:30:00.005Z");
  });
});

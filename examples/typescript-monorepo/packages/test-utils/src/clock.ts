/** A clock that stands still until a test moves it. */
export class ManualClock {
  #now: number;

  constructor(start = "2025-01-01T08:00:00.000Z") {
    this.#now = Date.parse(start);
  }

  now = (): Date => new Date(this.#now);

  advance(span: { days?: number; hours?: number; minutes?: number; ms?: number }): void {
    const { days = 0, hours = 0, minutes = 0, ms = 0 } = span;
    this.#now += ((days * 24 + hours) * 60 + minutes) * 60_000 + ms;
  }
}

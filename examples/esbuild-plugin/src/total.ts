export interface Line {
  readonly article: string;
  readonly pieces: number;
  readonly cents: number;
}

/** The value of all lines, in cents. */
export function total(lines: readonly Line[]): number {
  return lines.reduce((sum, line) => sum + line.pieces * line.cents, 0);
}

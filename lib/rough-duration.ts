const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** A duration in the largest unit of which it has at least two, as `3 hours`; what is below two minutes in seconds. */
export function roughDuration(ms: number): string {
  for (const [name, unitMs] of units) {
    if (ms >= 2 * unitMs) return `${Math.floor(ms / unitMs)} ${name}s`;
  }
  const seconds = Math.floor(ms / 1000);
  return `${seconds} second${seconds === 1 ? '' : 's'}`;
}

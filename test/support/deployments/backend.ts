/** One series as a backend gives it back. */
export interface StoredSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Unix time in milliseconds and value, in the backend's order; staleness markers are left out. */
  readonly samples: readonly (readonly [number, number])[];
}

/** Reads raw samples from VictoriaMetrics, true duplicates included. */
export async function exportVictoriaMetrics(
  url: string,
  selector: string,
): Promise<StoredSeries[]> {
  await fetch(`${url}/internal/force_flush`);
  const answer = await fetch(`${url}/api/v1/export?match[]=${encodeURIComponent(selector)}`);
  return parseExport(await answer.text());
}

/** Reads what VictoriaMetrics answers to `/api/v1/export`. */
export function parseExport(text: string): StoredSeries[] {
  const lines = text.trim().split('\n').filter(Boolean);
  return lines.map((line) => {
    // It writes staleness markers as null, or in blocks that a range cuts as NaN.
    const { metric, values, timestamps } = JSON.parse(line.replaceAll(/\bNaN\b/g, 'null')) as {
      metric: Record<string, string>;
      values: (number | null)[];
      timestamps: number[];
    };
    const samples = values.flatMap((value, index): [number, number][] =>
      value === null ? [] : [[timestamps[index] ?? Number.NaN, value]],
    );
    return { labels: metric, samples };
  });
}

/** Reads raw samples of the last `range` from Prometheus: a range vector gives them as they were written. */
export async function exportPrometheus(
  url: string,
  selector: string,
  range: string,
): Promise<StoredSeries[]> {
  const query = encodeURIComponent(`${selector}[${range}]`);
  const answer = await fetch(`${url}/api/v1/query?query=${query}`);
  const { data, error } = (await answer.json()) as {
    data?: { result: { metric: Record<string, string>; values: [number, string][] }[] };
    error?: string;
  };
  if (data === undefined) throw new Error(`prometheus: ${error}`);
  return data.result.map(({ metric, values }) => ({
    labels: metric,
    samples: values.map(([seconds, value]) => [Math.round(seconds * 1000), Number(value)]),
  }));
}

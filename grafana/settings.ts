/** What a user may set when the files are made. */
export interface Settings {
  /** How far back a verdict may lie that still holds: longer than the longest interval of a check. */
  readonly lookback: string;
  /** Share of the time that targets are to be up, below 1. */
  readonly objective: number;
  /** Where Grafana is, for links in alerts of Prometheus; without a slash at the end. */
  readonly grafanaUrl: string;
  /** What stands before the file name of a runbook. */
  readonly runbooksUrl: string;
}

export const defaultSettings: Settings = {
  lookback: '25h',
  objective: 0.995,
  grafanaUrl: 'http://localhost:3000',
  runbooksUrl: 'docs/runbooks',
};

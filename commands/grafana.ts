import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { defaultSettings, type Settings } from '#grafana/settings';
import { defineCommand, UsageError } from './command.ts';

/** Writes dashboards and alert rules: files that Grafana provisions, and the same rules for Prometheus. */
export const command = defineCommand({
  options: (parser) =>
    parser
      .option('out', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'Folder to write to',
      })
      .option('policies', {
        type: 'boolean',
        default: false,
        describe: "Also notification policies: provisioning them replaces Grafana's whole tree",
      })
      .option('objective', {
        type: 'number',
        default: defaultSettings.objective * 100,
        describe: 'Per cent of the time that targets are to be up',
      })
      .option('lookback', {
        type: 'string',
        default: defaultSettings.lookback,
        describe: 'Longer than the longest interval of a check; shorter asks less of the backend',
      })
      .option('grafana', {
        type: 'string',
        default: defaultSettings.grafanaUrl,
        describe: 'Address of Grafana, for links in alerts',
      })
      .option('runbooks', {
        type: 'string',
        default: defaultSettings.runbooksUrl,
        describe: 'Address of the folder with the runbooks, for links in alerts',
      })
      .example('$0 grafana --out /etc/farpoint/grafana', ''),
  async run(options) {
    const settings = readSettings(options);
    const { grafanaFiles } = await import('#grafana/files');
    const files = grafanaFiles(settings, { withPolicies: options.policies });
    for (const [file, text] of Object.entries(files)) {
      writeFile(join(options.out, file), text);
      process.stdout.write(`${join(options.out, file)}\n`);
    }
    return 0;
  },
});

function readSettings(options: {
  readonly objective: number;
  readonly lookback: string;
  readonly grafana: string;
  readonly runbooks: string;
}): Settings {
  const { objective, lookback } = options;
  if (!(objective > 0 && objective < 100)) {
    throw new UsageError('--objective wants per cent between 0 and 100, such as 99.9');
  }
  if (!/^[1-9]\d*[mhd]$/.test(lookback)) {
    throw new UsageError('--lookback wants a duration such as 90m, 25h or 8d');
  }
  return {
    objective: Number((objective / 100).toPrecision(8)),
    lookback,
    grafanaUrl: options.grafana.replace(/\/+$/, ''),
    runbooksUrl: options.runbooks.replace(/\/+$/, ''),
  };
}

function writeFile(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    throw new Error(`cannot write ${path}`, { cause: error });
  }
}

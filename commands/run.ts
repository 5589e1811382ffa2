import { assign } from '#agent/runs/assignment';
import { type LookingConfiguration, loadLookingConfiguration } from '#agent/config';
import { runOnce } from '#agent/runs/once';
import type { CheckPlan } from '#agent/plan';
import { suggestion } from '#lib/configuration';
import { UsageError, defineCommand } from './command.ts';
import { chosenFile, configurationOption, processReferences } from './configuration-file.ts';
import { type Finding, exitCodeOf, findingOf } from './looking/finding.ts';
import { openServices } from './looking/services.ts';
import { formatMs, paintVerdict } from './looking/text.ts';

/** Runs configured checks once, now, and tells what they see; nothing is stored or sent. */
export const command = defineCommand({
  options: (parser) =>
    configurationOption(parser)
      .positional('names', {
        type: 'string',
        array: true,
        describe: 'Checks to run; all when none is named',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print an array for programs' })
      .example('$0 run -c agent.yaml home', '')
      .epilogue('Exit code: 0 all up, 1 something down, 3 something could not be judged.'),
  async run({ names = [], json, config }, signal) {
    const configuration = loadLookingConfiguration(
      chosenFile({ config }, 'agent'),
      processReferences,
    );
    const plans = choose(configuration.plans, names);
    const findings = await look(configuration, plans, signal);
    process.stdout.write(json ? `${JSON.stringify(findings, undefined, 2)}\n` : table(findings));
    const missing = plans.length - findings.length;
    if (missing > 0) process.stderr.write(`farpoint: stopped; ${missing} not run\n`);
    return exitCodeOf([
      ...findings.map(({ verdict }) => verdict),
      ...(missing > 0 ? ['unknown' as const] : []),
    ]);
  },
});

function choose(plans: readonly CheckPlan[], names: readonly string[]): readonly CheckPlan[] {
  const known = [...new Set(plans.map(({ check }) => check))];
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new UsageError(`this agent runs no check ${name}${suggestion(name, known)}`);
  }
  return names.length === 0 ? plans : plans.filter(({ check }) => names.includes(check));
}

async function look(
  { name, region, egress }: LookingConfiguration,
  plans: readonly CheckPlan[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  await using resources = new AsyncDisposableStack();
  const { assignment, once } = openServices({ name, region, egress }, resources);
  const looks = plans.map(async (plan) => {
    const observed = await runOnce(assign(plan, assignment), once, signal);
    return observed === undefined ? [] : [findingOf(plan, observed)];
  });
  return (await Promise.all(looks)).flat();
}

function table(findings: readonly Finding[]): string {
  const width = (texts: readonly string[]): number =>
    Math.max(0, ...texts.map((text) => text.length));
  const checkWidth = width(findings.map(({ check }) => check));
  const targetWidth = Math.min(60, width(findings.map(({ target }) => target)));
  return findings
    .map(({ verdict, check, target, durationMs, error, message }) => {
      const why = error === undefined ? '' : `  ${error}: ${message}`;
      const time = formatMs(durationMs).padStart(10);
      return `${paintVerdict(verdict, 7)}  ${check.padEnd(checkWidth)}  ${target.padEnd(targetWidth)}  ${time}${why}\n`;
    })
    .join('');
}

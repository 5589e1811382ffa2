import { assign } from '#agent/runs/assignment';
import { loadLookingConfiguration } from '#agent/config';
import { runOnce } from '#agent/runs/once';
import type { CheckPlan } from '#agent/plan';
import type { EgressSettings } from '#checks/net/egress';
import { checkTypes } from '#checks/registry';
import { suggestion } from '#lib/configuration';
import { validate } from '#lib/configuration/issues';
import { joinPath } from '#lib/configuration/origins';
import { duration } from '#lib/scalars';
import { UsageError, defineCommand } from './command.ts';
import { chosenFile, configurationOption, processReferences } from './configuration-file.ts';
import { describeFacts } from './looking/facts.ts';
import { type Finding, exitCodeOf, findingOf } from './looking/finding.ts';
import { openServices } from './looking/services.ts';
import { formatMs, formatValue, paintVerdict } from './looking/text.ts';
import { type TrialArguments, trialOptions, trialSettings } from './looking/trial-settings.ts';
import { renderWaterfall } from './looking/waterfall.ts';

const timeoutMsDefault = 10_000;
const typeNames = checkTypes.map(({ type }) => type);

/** Looks at one target, now, and shows all there is to see; nothing is stored or sent. */
export const command = defineCommand({
  options: (parser) =>
    trialOptions(configurationOption(parser))
      .positional('type', { type: 'string', demandOption: true, describe: typeNames.join(', ') })
      .positional('target', { type: 'string', describe: 'What to look at: a URL, a host, a file' })
      .option('as', {
        type: 'string',
        requiresArg: true,
        describe: 'With the settings of this configured check',
      })
      .option('timeout', {
        type: 'string',
        requiresArg: true,
        describe: 'Deadline, for example 5s',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print an object for programs' })
      .example('$0 probe http https://example.org/ --expect-body Welcome', '')
      .epilogue('Exit code: 0 up, 1 down, 3 could not be judged.'),
  async run({ json, ...options }, signal) {
    const { plan, egress } = planOf(options);
    await using resources = new AsyncDisposableStack();
    const { assignment, once } = openServices({ name: 'probe', region: 'here', egress }, resources);
    const observed = await runOnce(assign(plan, assignment), once, signal);
    if (observed === undefined) throw new UsageError('stopped before there was an answer');
    const finding = findingOf(plan, observed);
    process.stdout.write(json ? `${JSON.stringify(finding, undefined, 2)}\n` : describe(finding));
    return exitCodeOf([finding.verdict]);
  },
});

interface ProbeArguments extends TrialArguments {
  readonly type: string;
  readonly target?: string | undefined;
  readonly as?: string | undefined;
  readonly config: string | undefined;
  readonly timeout?: string | undefined;
}

/** What to look at and how; a configured check keeps to the policy of its agent. */
interface ProbePlan {
  readonly plan: CheckPlan;
  readonly egress?: EgressSettings;
}

function planOf(options: ProbeArguments): ProbePlan {
  const { plan, egress } =
    options.as === undefined ? plainPlan(options) : configuredPlan(options, options.as);
  const type = checkTypes.find((candidate) => candidate.type === plan.type);
  const wrong = type?.validateTarget(plan.target);
  if (wrong !== undefined) throw new UsageError(`${plan.target}: ${wrong}`);
  const timeoutMs = readTimeout(options.timeout) ?? plan.timeoutMs;
  return { plan: { ...plan, timeoutMs }, ...(egress && { egress }) };
}

/** A check of a type as it is when nothing but its target is configured. */
function plainPlan({ type, target, ...options }: ProbeArguments): ProbePlan {
  const checkType = checkTypes.find((candidate) => candidate.type === type);
  if (checkType === undefined) {
    const message = `there is no type of check ${type}${suggestion(type, typeNames)}`;
    throw new UsageError(`${message}; there are ${typeNames.join(', ')}`);
  }
  if (target === undefined) throw new UsageError('name a target, or a configured check with --as');
  if (options.config !== undefined) {
    throw new UsageError('--config is for --as: name the configured check whose settings to use');
  }
  const settings = validate(checkType.settings, trialSettings(options));
  if ('findings' in settings) {
    const mistakes = settings.findings.map(
      ({ path, message }) => `  ${path.reduce(joinPath, '')}: ${message}`,
    );
    throw new UsageError(
      `no check of type ${type} can have these settings; others than here need a configured check, with --as NAME -c FILE\n${mistakes.join('\n')}`,
    );
  }
  const plan = {
    check: 'probe',
    type,
    service: 'probe',
    target,
    labels: {},
    schedule: { everyMs: timeoutMsDefault },
    timeoutMs: timeoutMsDefault,
    regionIndex: 0,
    regionCount: 1,
    settings: settings.output,
  };
  return { plan };
}

/** A configured check, on its own target or on the one that is named. */
function configuredPlan(
  { type, target, config, ...options }: ProbeArguments,
  name: string,
): ProbePlan {
  const [tried] = Object.keys(trialSettings(options));
  if (tried !== undefined) {
    throw new UsageError(`with --as the settings are those of ${name}: leave ${tried} out`);
  }
  const { plans, egress } = loadLookingConfiguration(
    chosenFile({ config }, 'agent'),
    processReferences,
  );
  const named = plans.filter(({ check }) => check === name);
  const [first] = named;
  if (first === undefined) {
    const known = plans.map(({ check }) => check);
    throw new UsageError(`this agent runs no check ${name}${suggestion(name, known)}`);
  }
  if (first.type !== type) throw new UsageError(`${name} is of type ${first.type}, not ${type}`);
  if (target === undefined && named.length > 1) {
    throw new UsageError(`${name} has ${named.length} targets: name the one to look at`);
  }
  return { plan: { ...first, target: target ?? first.target }, egress };
}

function readTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = duration.safeParse(text);
  if (!parsed.success || parsed.data === 0) {
    throw new UsageError(`--timeout ${text}: expected a duration such as 5s`);
  }
  return parsed.data;
}

function describe({
  verdict,
  type,
  target,
  durationMs,
  error,
  message,
  ...found
}: Finding): string {
  const values = found.measurements.flatMap(({ name, unit, attributes, value }) => {
    const isBar = attributes['phase'] !== undefined && attributes['hop'] === undefined;
    if (typeof value !== 'number' || isBar) return [];
    const labels = Object.entries(attributes).map(([key, text]) => `${key}=${text}`);
    // blackbox_exporter's names of these do not tell their unit.
    const known = name.endsWith('.expiry') ? 's' : unit;
    return [[[name, ...labels].join(' '), formatValue(value, known)] as const];
  });
  const sections = [
    [
      `${paintVerdict(verdict)}  ${type} ${target}  ${formatMs(durationMs)}`,
      ...(error === undefined ? [] : [`${error}: ${message}`]),
    ],
    renderWaterfall(found.measurements),
    columns(describeFacts(found.evidence)),
    columns(values),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`);
}

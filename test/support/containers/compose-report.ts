import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { eventually } from '../eventually.ts';
import { ComposeStack, type Compose } from './compose-stack.ts';
import type { Engine } from './image.ts';

const docker = join(import.meta.dirname, '../../../docker');
const services = Object.keys(
  parse(readFileSync(join(docker, 'compose.yaml'), 'utf8'), { merge: true }).services,
);
const farpoint = services.filter((name) => name === 'collector' || name.startsWith('agent-'));

export interface ComposeReport {
  /** Checks by region whose verdict is up in the backend. */
  readonly up: readonly string[];
  /** Lines of the website's log that the backend knows of, by region, check and outcome. */
  readonly lines: Readonly<Record<string, number>>;
  readonly flaws: readonly string[];
}

/** Starts the compose file, waits for what it is for, stops it and takes it down; tells what is wrong. */
export async function composeReport(engine: Engine, compose: Compose): Promise<ComposeReport> {
  using stack = await ComposeStack.prepare(engine, compose);
  stack.compose();
  const flaws: string[] = [];
  const expected = expectedRuns();
  let up: readonly string[] = [];
  await eventually(
    'every check of every region to be up in the backend',
    () => {
      up = series(stack, 'probe_verdict{verdict="up"} == 1').map(({ name }) => name);
      return expected.every((name) => up.includes(name));
    },
    90_000,
  ).catch(() => flaws.push(`up are ${up.join(', ')} instead of ${expected.join(', ')}`));
  let lines: ReturnType<typeof series> = [];
  await eventually(
    'the agent beside the website to have read what the other checks left in its log',
    () => {
      lines = series(stack, 'sum(log_lines_total) by (region, check, outcome)');
      return lines.some(({ name, value }) => name === 'eu-west access-log parsed' && value > 0);
    },
    60_000,
  ).catch(() => flaws.push('no line of the log has been parsed'));
  const strange = lines.filter(({ name }) => name !== 'eu-west access-log parsed');
  if (strange.some(({ value }) => value > 0)) flaws.push(`of the log: ${JSON.stringify(strange)}`);
  await eventually('the collector to be scraped', () => {
    return series(stack, 'up{job="farpoint-collector"} == 1').length === 1;
  }).catch(() => flaws.push('nobody scrapes the collector'));
  for (const name of farpoint) {
    const { code, output } = engine.try(['healthcheck', 'run', stack.container(name)]);
    if (code !== 0) flaws.push(`${name} is not healthy: ${output}`);
  }
  const page = stack.page('http://127.0.0.1:3000/').trim();
  if (page !== grafana) flaws.push(`Grafana's stand-in says ${page}`);
  const connect = ['bash', '-c', 'exec 3<>/dev/tcp/collector/4318'];
  const reached = engine.try(['exec', stack.container('website'), ...connect]);
  if (reached.code === 0) flaws.push('the website reaches the collector');

  for (const name of services) {
    const [{ State, RestartCount }] = JSON.parse(engine.podman(['inspect', stack.container(name)]));
    if (!State.Running || RestartCount > 0) {
      flaws.push(`${name}: ${State.Status}, ${engine.try(['logs', stack.container(name)]).output}`);
    }
  }
  stack.compose('stop');
  for (const name of services) {
    const [{ State }] = JSON.parse(engine.podman(['inspect', stack.container(name)]));
    if (State.ExitCode !== 0) flaws.push(`${name} ended with ${State.ExitCode}`);
  }
  stack.compose('down', '--volumes');
  if (stack.left.length > 0) flaws.push(`left behind: ${stack.left.join(', ')}`);
  return {
    up: up.toSorted(),
    lines: Object.fromEntries(lines.map(({ name, value }) => [name, value])),
    flaws,
  };
}

/** What Grafana's stand-in says when it has what Grafana would need. */
const grafana = JSON.stringify({
  standInFor: 'Grafana',
  backend: 200,
  provisioning: ['alerting', 'dashboards', 'datasources'],
});

/** `region check` of all that the fleet file asks for. */
function expectedRuns(): readonly string[] {
  const { regions, checks } = parse(readFileSync(join(docker, 'compose/fleet.yaml'), 'utf8')) as {
    readonly regions: readonly string[];
    readonly checks: readonly { readonly name: string; readonly agents?: readonly string[] }[];
  };
  return checks.flatMap(({ name, agents = regions }) => agents.map((agent) => `${agent} ${name}`));
}

function series(
  stack: ComposeStack,
  query: string,
): readonly { readonly name: string; readonly value: number }[] {
  const url = `http://127.0.0.1:8428/api/v1/query?query=${encodeURIComponent(query)}`;
  const { data } = JSON.parse(stack.page(url)) as {
    readonly data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  return data.result.map(({ metric: { region, check, outcome }, value }) => ({
    name: [region, check, outcome].filter(Boolean).join(' '),
    value: Number(value[1]),
  }));
}

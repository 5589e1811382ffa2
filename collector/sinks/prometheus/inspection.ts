import { z } from 'zod';
import type { Answer } from './answer.ts';

const configurationAnswer = z.object({ data: z.object({ yaml: z.string() }) });

/**
 * What in a backend's settings endangers the data, as far as it shows them. Anything that does not
 * look like Prometheus or VictoriaMetrics says nothing.
 */
export async function inspectBackend(
  writePath: string,
  get: (path: string) => Promise<Answer>,
): Promise<readonly string[]> {
  const root = writePath.replace(/\/api\/v1\/(write|push)\/?$/, '');
  if (root === writePath) return [];
  const yaml = yamlOf(await textOf(get(`${root}/api/v1/status/config`)));
  if (yaml === undefined) return [];
  // Only VictoriaMetrics has a configuration and nothing in it: its settings are flags.
  return yaml === '' ? deduplication(await textOf(get(`${root}/flags`))) : outOfOrderWindow(yaml);
}

function yamlOf(text: string): string | undefined {
  try {
    return configurationAnswer.parse(JSON.parse(text)).data.yaml;
  } catch {
    return undefined;
  }
}

async function textOf(answer: Promise<Answer>): Promise<string> {
  try {
    const { status, text } = await answer;
    return status === 200 ? text : '';
  } catch {
    return '';
  }
}

function outOfOrderWindow(yaml: string): readonly string[] {
  if (/^ +out_of_order_time_window: *[1-9]/m.test(yaml)) return [];
  return [
    'Prometheus has no storage.tsdb.out_of_order_time_window: it refuses results that come late, ' +
      'after an outage of an agent, the network or the collector. Set it to at least as long as agents buffer.',
  ];
}

function deduplication(flags: string): readonly string[] {
  if (/^-dedup\.minScrapeInterval=/m.test(flags)) return [];
  return [
    'VictoriaMetrics runs without -dedup.minScrapeInterval=1ms: it stores and counts twice what is ' +
      'delivered twice, after a crash or a lost answer.',
  ];
}

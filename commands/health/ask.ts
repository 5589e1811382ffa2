import { stat } from 'node:fs/promises';
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';
import { text } from 'node:stream/consumers';
import { agentStatusFile, readAgentStatus } from '#lib/agent-status';
import { messageOf } from '#lib/error-message';
import type { Listener } from './place.ts';

export interface Health {
  readonly healthy: boolean;
  /** For a person: what it is doing, or what is wrong. */
  readonly sentence: string;
}

/** A running agent writes its status at least every ten seconds. */
const staleAfterMs = 30_000;
const answerWithinMs = 3_000;

/** Healthy: it wrote its status a moment ago. That the collector is away is said, but is not its illness. */
export async function agentHealth(dataDirectory: string): Promise<Health> {
  const file = agentStatusFile(dataDirectory);
  const status = await readAgentStatus(dataDirectory);
  if (status === undefined) return ill(`no agent has run with the data folder ${dataDirectory}`);
  // The kernel's time of both: the agent's own clock is slewed, and may be behind after a step.
  const ageMs = Date.now() - (await stat(file)).mtimeMs;
  const age = `${Math.max(0, Math.round(ageMs / 1000))} s ago`;
  if (ageMs > staleAfterMs) return ill(`the agent last wrote its status ${age} (${file})`);
  const { outbox, export: exporting } = status;
  const waiting = `${outbox.blocks} results wait for the collector`;
  const trouble = exporting.trouble === null ? '' : `, because ${exporting.trouble}`;
  return well(`the agent is at work: status of ${age}, ${waiting}${trouble}`);
}

/** Healthy: it takes data, as it says itself on `/readyz`. */
export async function collectorHealth(listener: Listener, signal: AbortSignal): Promise<Health> {
  const url = readyUrl(listener);
  try {
    const { status, body } = await ask(url, signal);
    if (status === 200) return well(`the collector takes data (${url})`);
    return ill(`the collector takes no data: ${body.trim() || `it answers ${status}`} (${url})`);
  } catch (error) {
    return ill(`no collector answers on ${url}: ${reasonOf(error)}`);
  }
}

async function ask(url: string, signal: AbortSignal): Promise<{ status: number; body: string }> {
  const get = url.startsWith('https:') ? getSecure : getPlain;
  const either = AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]);
  // The certificate names the collector as agents know it, not the loopback address asked here.
  const options = { signal: either, rejectUnauthorized: false, agent: false };
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  get(url, options, (response) => {
    text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
  }).once('error', reject);
  return promise;
}

/** Of this host, wherever it listens. */
function readyUrl({ host, port, secure }: Listener): string {
  const here = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  const inUrl = here.includes(':') ? `[${here}]` : here;
  return `${secure ? 'https' : 'http'}://${inUrl}:${port}/readyz`;
}

function reasonOf(error: unknown): string {
  const isTooLate = error instanceof Error && error.name === 'AbortError';
  return isTooLate ? `no answer in ${answerWithinMs / 1000} s` : messageOf(error);
}

function well(sentence: string): Health {
  return { healthy: true, sentence };
}

function ill(sentence: string): Health {
  return { healthy: false, sentence };
}

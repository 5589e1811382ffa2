import { isIPv4 } from 'node:net';
import type { Clock } from '#lib/clock';
import type { Observation, Verdict } from '#lib/observation';
import type { Check, CheckServices, CheckSpec, Run } from '../check.ts';
import { defaultEgress } from '../net/egress.ts';
import { Failure } from '../net/failure.ts';
import { locate, type Network } from '../net/locate.ts';
import { recordFacts } from '../net/metrics.ts';
import { Trace } from '../net/trace.ts';
import { modeInfo, phaseDuration, recordReport } from './metrics.ts';
import { openPinger } from './open.ts';
import type { EchoPlan, Pinger, Stragglers } from './pinger.ts';
import { packetsPerSecondDefault, type PingSettings } from './settings.ts';
import { Jitter, summarise } from './statistics.ts';
import { judge } from './verdict.ts';

/** What the runs of one check have in common. */
interface Looker {
  readonly target: string;
  readonly settings: PingSettings;
  /** Deadline of a whole run. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly network: Network;
  readonly pinger: Pinger;
  readonly stragglers: Stragglers;
  readonly jitter: Jitter;
}

/** Makes the check of one host; all of them share one pinger. */
export async function createPingCheck(
  { target, settings, timeoutMs }: CheckSpec<PingSettings>,
  services: CheckServices,
): Promise<Check> {
  const { clock, egress = defaultEgress } = services;
  const looker: Looker = {
    target,
    settings,
    timeoutMs,
    clock,
    network: { resolve: { ip: settings.ip, servers: settings.resolvers }, egress },
    pinger: await services.shared('pinger', () => openAnnounced(services)),
    stragglers: { duplicate: 0, late: 0, corrupted: 0 },
    jitter: new Jitter(),
  };
  return { run: (run) => look(looker, run) };
}

async function openAnnounced(services: CheckServices): Promise<Pinger> {
  const { clock, packetsPerSecondMax = packetsPerSecondDefault, notice } = services;
  const pinger = await openPinger({ clock, packetsPerSecondMax });
  const { modes, refusals } = pinger;
  const facts = { ipv4: modes[4], ipv6: modes[6] };
  notice?.(
    'how ping checks send',
    refusals.length > 0 ? { ...facts, refused: refusals.join('; ') } : facts,
  );
  return pinger;
}

async function look(looker: Looker, run: Run): Promise<Observation> {
  const { target, settings, clock, network, pinger, jitter } = looker;
  const trace = new Trace(clock);
  trace.enterHop('resolve');
  const place = await locate({ host: target, port: 0 }, network, trace, run.signal);
  trace.stop();
  recordFacts(trace);
  if (place instanceof Failure) return conclude(place.verdict, trace);
  run.waiting();
  const timeLeftMs = looker.timeoutMs - trace.durationMs;
  const plan = { ...planOf(looker, place.address), timeLeftMs };
  trace.measure(modeInfo, 1, { mode: pinger.modes[plan.family] });
  const report = await pinger.echo(plan, run.signal);
  if ('unavailable' in report) {
    const message = report.unavailable;
    return conclude({ status: 'unknown', error: 'icmp_unavailable', message }, trace);
  }
  const roundTripsMs = report.replies.map((reply) => reply.roundTripMs);
  const trips = summarise(roundTripsMs);
  recordReport(trace, report, { trips, jitterMs: jitter.add(roundTripsMs) });
  const phases = { setupMs: report.setupMs, rttMs: trips?.meanMs };
  const observation = conclude(judge(report, trips, settings), trace, phases);
  return { ...observation, isTimedOutside: true };
}

function planOf({ settings, stragglers }: Looker, address: string): Omit<EchoPlan, 'timeLeftMs'> {
  return {
    address,
    family: isIPv4(address) ? 4 : 6,
    count: settings.count,
    gapMs: settings.gap,
    waitMs: settings.wait,
    size: settings.size,
    hopLimit: settings.ttl,
    dontFragment: !settings.fragment,
    source: settings.source,
    stragglers,
  };
}

interface PhasesMs {
  readonly setupMs?: number | undefined;
  readonly rttMs?: number | undefined;
}

/** The duration is the sum of the phases; where nothing came back, it is however long that took. */
function conclude(verdict: Verdict, trace: Trace, { setupMs, rttMs }: PhasesMs = {}): Observation {
  const resolveMs = trace.durationMs;
  for (const [phase, ms] of Object.entries({ resolve: resolveMs, setup: setupMs, rtt: rttMs })) {
    if (ms !== undefined) trace.measure(phaseDuration, ms / 1000, { phase });
  }
  return {
    verdict,
    measurements: trace.measurements,
    evidence: trace.evidence,
    ...(trace.peer !== undefined && { peer: trace.peer }),
    ...(rttMs !== undefined && { durationMs: resolveMs + (setupMs ?? 0) + rttMs }),
  };
}

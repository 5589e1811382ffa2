import type { Socket } from 'node:net';
import { messageOf } from '#lib/error-message';
import type { Check, CheckServices, CheckSpec, Run } from '../check.ts';
import { Inspector } from '../inspect/inspector.ts';
import { openTcp } from '../net/connect.ts';
import { defaultEgress } from '../net/egress.ts';
import { Failure, firstOf } from '../net/failure.ts';
import { parseHostPort } from '../net/host-port.ts';
import { locate, type Network } from '../net/locate.ts';
import { toObservation } from '../net/observation.ts';
import { judgeTime } from '../net/time-limits.ts';
import { Trace } from '../net/trace.ts';
import { tcpDuration } from './metrics.ts';
import type { TcpSettings } from './settings.ts';

/** Of an answer that does not fit, no more is looked at. */
const answerLengthMax = 64 * 1024;

/** Makes the check of one host and port. */
export function createTcpCheck(spec: CheckSpec<TcpSettings>, services: CheckServices): Check {
  const { settings } = spec;
  const destination = parseHostPort(spec.target) ?? { host: spec.target, port: 0 };
  const network: Network = {
    resolve: { ip: settings.ip, servers: settings.resolvers },
    egress: services.egress ?? defaultEgress,
  };
  return {
    async run(run) {
      const trace = new Trace(services.clock);
      trace.enterHop('resolve');
      const endpoint = await locate(destination, network, trace, run.signal);
      if (endpoint instanceof Failure) return toObservation(endpoint, trace, tcpDuration);
      const socket = await openTcp(endpoint, trace, run.signal);
      if (socket instanceof Failure) return toObservation(socket, trace, tcpDuration);
      const failure = await talk(socket, settings, { trace, services }, run);
      trace.stop();
      socket.on('error', () => undefined).destroy();
      const slow = judgeTime(
        { phases: trace.phases, totalMs: trace.durationMs },
        settings.expect.time ?? {},
      );
      const failed = firstOf([...(failure ? [failure] : []), ...slow]);
      return toObservation(failed, trace, tcpDuration);
    },
  };
}

/** Sends what is to be sent, and waits until what must come has come. */
async function talk(
  socket: Socket,
  { send, expect }: TcpSettings,
  { trace, services }: { trace: Trace; services: CheckServices },
  run: Run,
): Promise<Failure | undefined> {
  if (send !== undefined) socket.write(send);
  run.waiting();
  if (expect.contains === undefined && expect.matches === undefined) return undefined;
  trace.enter('processing');
  const hangUp = (): void => void socket.destroy();
  run.signal.addEventListener('abort', hangUp, { once: true });
  let text = '';
  try {
    for await (const piece of socket.setEncoding('utf8')) {
      text += String(piece);
      trace.stop();
      const fits = await isExpected(text, expect, services, run.signal);
      if (fits) return fits instanceof Failure ? fits : undefined;
      if (text.length > answerLengthMax) break;
      trace.enter('processing');
    }
    return Failure.down('body_mismatch', `the server only said ${quote(text)}`);
  } catch (error) {
    const said =
      text === '' ? 'the server had said nothing' : `the server had only said ${quote(text)}`;
    if (run.signal.aborted) return Failure.aborted(run.signal, 'transfer', said);
    const why = messageOf(error);
    return Failure.down('connect_reset', `the connection broke (${why}); ${said}`);
  } finally {
    run.signal.removeEventListener('abort', hangUp);
  }
}

async function isExpected(
  text: string,
  { contains, matches }: TcpSettings['expect'],
  services: CheckServices,
  signal: AbortSignal,
): Promise<boolean | Failure> {
  if (contains !== undefined && !text.includes(contains)) return false;
  if (matches === undefined) return true;
  const inspector = await services.shared('inspector', async () => new Inspector());
  const question = { source: { kind: 'text', text }, regex: matches } as const;
  const answers = await inspector.examine(
    { body: new Uint8Array(), charset: 'utf-8', questions: [question] },
    signal,
  );
  if (answers instanceof Failure) return answers;
  const [answer] = answers;
  return answer !== undefined && 'value' in answer && answer.value !== undefined;
}

function quote(text: string): string {
  return text === '' ? 'nothing' : JSON.stringify(text.slice(0, 100));
}

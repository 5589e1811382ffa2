import type { Inspector } from '../inspect/inspector.ts';
import { Failure, firstOf } from '../net/failure.ts';
import type { Trace } from '../net/trace.ts';
import { type Asked, askBody, askHeaders, judgeFacts, judgeTexts } from './expect.ts';
import { failedRegex } from './metrics.ts';
import { charsetOf, type Received } from './received.ts';
import type { HttpSettings } from './settings.ts';
import { askValues } from './values.ts';

type Wanted = Pick<HttpSettings, 'expect' | 'values' | 'limit'>;

/** Whether the body has to be kept until it is judged. */
export function needsContent({ expect, values }: Wanted): boolean {
  const readsBody = Object.values(values).some(({ header }) => header === undefined);
  return expect.body !== undefined || expect.json !== undefined || readsBody;
}

/**
 * Judges all that was received. Every expectation is evaluated, also when the download `broke` off; the
 * earliest failure decides and names the others. Engines run in the inspector, when there is need.
 */
export async function judge(
  received: Received,
  wanted: Wanted,
  parts: {
    readonly broke: Failure | undefined;
    readonly trace: Trace;
    readonly openInspector: () => Promise<Inspector>;
  },
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const { broke, trace, openInspector } = parts;
  if (broke?.verdict.status === 'unknown') return broke;
  const content = broke === undefined ? contentOf(received, wanted) : undefined;
  const failures = judgeFacts(received, wanted.expect);
  if (broke) failures.push(broke);
  if (content instanceof Failure) failures.push(content);
  const readable = content instanceof Uint8Array ? content : undefined;
  if (readable) failures.push(...judgeTexts(readable, received, wanted.expect));
  const asked = [
    ...askHeaders(received, wanted.expect),
    ...(readable ? askBody(wanted.expect) : []),
    ...askValues(wanted.values, { received, trace, withBody: readable !== undefined }),
  ];
  const answered = await ask(asked, { content: readable, received, openInspector }, signal);
  if (answered instanceof Failure) return answered;
  const byRegex = answered.filter(({ asker, failure }) => failure && asker.isPattern);
  trace.measure(failedRegex, byRegex.length > 0 ? 1 : 0);
  failures.push(
    ...answered.map(({ failure }) => failure).filter((failure) => failure !== undefined),
  );
  return firstOf(failures);
}

function contentOf(received: Received, wanted: Wanted): Uint8Array | Failure | undefined {
  if (!needsContent(wanted)) return undefined;
  return (
    received.download.content ??
    Failure.down(
      'body_too_large',
      `the body has ${received.download.decoded} bytes, of which expectations see at most ${wanted.limit.text}; raise limit.text`,
    )
  );
}

async function ask(
  askers: readonly Asked[],
  parts: {
    readonly content: Uint8Array | undefined;
    readonly received: Received;
    readonly openInspector: () => Promise<Inspector>;
  },
  signal: AbortSignal,
): Promise<readonly { asker: Asked; failure: Failure | undefined }[] | Failure> {
  if (askers.length === 0) return [];
  const inspector = await parts.openInspector();
  const answers = await inspector.examine(
    {
      body: parts.content ?? new Uint8Array(),
      charset: charsetOf(parts.received.response),
      questions: askers.map(({ question }) => question),
    },
    signal,
  );
  if (answers instanceof Failure) return answers;
  return askers.map((asker, index) => ({
    asker,
    failure: asker.judge(answers[index] ?? { error: 'it was not answered' }),
  }));
}

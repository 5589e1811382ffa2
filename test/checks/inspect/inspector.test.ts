import { describe, expect, test } from 'vitest';
import type { Question } from '#checks/inspect/examine';
import { Inspector } from '#checks/inspect/inspector';
import { Failure } from '#checks/net/failure';

const signal = AbortSignal.timeout(25_000);
const everlasting: Question = { source: { kind: 'body' }, regex: '^(a+)+$' };

function ask(
  inspector: Inspector,
  body: string,
  ...questions: Question[]
): ReturnType<Inspector['examine']> {
  return inspector.examine({ body: Buffer.from(body), charset: 'utf-8', questions }, signal);
}

describe('the inspector', () => {
  test('answers in order, also what cannot be answered', async () => {
    await using inspector = new Inspector();
    const answers = await ask(
      inspector,
      '{"a":[1,2,3]}',
      { source: { kind: 'json', expression: '$sum(a)' } },
      { source: { kind: 'json', expression: 'a[$ > 1]' } },
      { source: { kind: 'json', expression: '$error("no")' } },
      { source: { kind: 'body' }, regex: '(?i)"A":\\[(\\d)' },
      { source: { kind: 'text', text: 'x=9' }, regex: '\\d' },
      { source: { kind: 'css', selector: 'p', attribute: undefined } },
    );
    expect(answers).toEqual([
      { value: 6 },
      { value: [2, 3] },
      { error: 'no' },
      { value: '1' },
      { value: '9' },
      { value: undefined },
    ]);
  });

  test('an expression without end is stopped; who waits behind it is served', async () => {
    await using inspector = new Inspector();
    const stuck = ask(inspector, `${'a'.repeat(40)}b`, everlasting);
    const next = ask(inspector, 'fine', { source: { kind: 'body' }, regex: 'fine' });
    expect(await stuck).toBeInstanceOf(Failure);
    expect(await next).toEqual([{ value: 'fine' }]);
  });

  test('the main thread goes on meanwhile', async () => {
    await using inspector = new Inspector();
    await ask(inspector, 'warm', { source: { kind: 'body' } });
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 10);
    await ask(inspector, `${'a'.repeat(40)}b`, everlasting);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });

  test('JSONata that recurses or grows without end gives up by itself', async () => {
    await using inspector = new Inspector();
    const answers = await ask(
      inspector,
      '{}',
      { source: { kind: 'json', expression: '($f := function($n) { 1 + $f($n + 1) }; $f(1))' } },
      { source: { kind: 'json', expression: '$count([1..9000000].(function($x){$x}))' } },
      { source: { kind: 'json', expression: '1 + 1' } },
    );
    expect(answers).toEqual([
      { error: expect.stringMatching(/overflow|Overflow/) },
      { error: expect.any(String) },
      { value: 2 },
    ]);
  });

  test('a run that ends while it waits is unknown, not down', async () => {
    await using inspector = new Inspector();
    const stuck = ask(inspector, `${'a'.repeat(40)}b`, everlasting);
    const outcome = await inspector.examine(
      { body: Buffer.from('x'), charset: 'utf-8', questions: [everlasting] },
      AbortSignal.timeout(50),
    );
    expect(outcome).toMatchObject({ verdict: { status: 'unknown', error: 'agent_overloaded' } });
    await stuck;
  });
});

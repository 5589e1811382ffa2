import { expect, test } from 'vitest';
import { createIncidentLog } from '#lib/queue/incident-log';
import { ManualClock } from '#test/support/clocks/manual-clock';
import { LogLines } from '#test/support/log-lines';

test('drops, which come with every append, are told once a minute for each consumer; damage is told each time', async () => {
  const clock = new ManualClock();
  const lines = new LogLines();
  const tell = createIncidentLog('queue', clock, lines.log);
  const drop = { kind: 'dropped', blocks: 1, bytes: 10, reason: 'bytes' } as const;
  const damage = { kind: 'damaged', file: '1.segment', bytes: 1, blocks: 1 } as const;
  for (let round = 0; round < 3; round += 1) {
    for (const consumer of ['metrics', 'history']) tell({ ...drop, consumer });
    tell(damage);
  }
  await clock.advance(60_000);
  tell({ ...drop, consumer: 'metrics' });
  const told = lines.lines.map(({ consumer, file }) => consumer ?? file);
  expect(told).toEqual(['metrics', 'history', '1.segment', '1.segment', '1.segment', 'metrics']);
});

import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { DistinctCounter } from '#checks/log/counts/distinct';
import { RecentDistinct } from '#checks/log/counts/recent-distinct';

const window = 3;
const seen = fc.record({
  slot: fc.nat(10),
  addresses: fc.array(fc.nat(30)),
  texts: fc.array(fc.constantFrom('::1', '::2', '\0\0\0\u0001')),
});

it('counts what a map of last slots counts, as the window moves on', () => {
  fc.assert(
    fc.property(fc.array(seen), (list) => {
      const recent = new RecentDistinct(1000, Number.NEGATIVE_INFINITY);
      const last = new Map<string, number>();
      let newest = 0;
      for (const { slot, addresses, texts } of list) {
        newest = Math.max(newest, slot);
        const oldest = newest - window + 1;
        recent.forget(oldest);
        const names = [...addresses.map((address) => `address ${address}`), ...texts];
        if (slot >= oldest) {
          recent.enter(slot, counterOf(addresses, texts));
          for (const name of names) last.set(name, Math.max(last.get(name) ?? 0, slot));
        }
        const expected = [...last.values()].filter((lastSlot) => lastSlot >= oldest).length;
        expect(recent.count(oldest)).toEqual({ count: expected, complete: true });
      }
    }),
  );
});

it('is a lower bound while there was more than it has room for, or an unknown past', () => {
  const recent = new RecentDistinct(2, 10);
  recent.enter(11, counterOf([1], ['::1']));
  expect(recent.count(10)).toEqual({ count: 2, complete: false });
  expect(recent.count(11)).toEqual({ count: 2, complete: true });
  recent.enter(12, counterOf([1, 2], []));
  expect(recent.count(11)).toEqual({ count: 2, complete: false });
  recent.forget(13);
  expect(recent.count(13)).toEqual({ count: 0, complete: true });
});

function counterOf(addresses: readonly number[], texts: readonly string[]): DistinctCounter {
  const counter = new DistinctCounter(1000);
  for (const address of addresses) counter.addAddress(address);
  for (const text of texts) counter.addText(Buffer.from(text), 0, text.length);
  return counter;
}

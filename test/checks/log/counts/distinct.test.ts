import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DistinctCounter } from '#checks/log/counts/distinct';

describe('a distinct counter', () => {
  it('counts as a set does', () => {
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\0'), maxLength: 6 }));
    const addresses = fc.array(fc.oneof(fc.nat(20), fc.integer({ min: 0, max: 0xffffffff })));
    fc.assert(
      fc.property(texts, addresses, (texts, addresses) => {
        const counter = new DistinctCounter(10_000);
        for (const text of texts) addText(counter, text);
        for (const address of addresses) counter.addAddress(address);
        expect(counter.size).toBe(new Set(texts).size + new Set(addresses).size);
        expect(counter.complete).toBe(true);
      }),
    );
  });

  it('is exact with many, and for long texts', () => {
    const counter = new DistinctCounter(1_000_000);
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 100_000; index++) {
        counter.addAddress(Math.imul(index, 40_503) >>> 0);
        addText(counter, `2001:db8::${index.toString(16)}`);
      }
    }
    expect(counter.size).toBe(200_000);
  });

  it('stays at its bound, and says so', () => {
    const counter = new DistinctCounter(3);
    for (const text of ['a', 'b', 'a']) addText(counter, text);
    counter.addAddress(0);
    counter.addAddress(0);
    expect([counter.size, counter.complete]).toEqual([3, true]);
    counter.addAddress(7);
    addText(counter, 'c');
    expect([counter.size, counter.complete]).toEqual([3, false]);
  });
});

function addText(counter: DistinctCounter, text: string): void {
  const bytes = Buffer.from(`x${text}y`);
  counter.addText(bytes, 1, bytes.length - 1);
}

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteFinder, readBuffer } from '#checks/log/bytes/byte-finder';
import { marker, searchingMarker, stepBytes } from '#checks/log/bytes/byte-marker';

const wanted = 0x22;

describe('a finder', () => {
  it('finds every byte, in blocks and across them, wherever the buffer is', () => {
    fc.assert(
      fc.property(contents, fc.boolean(), (content, isRead) => {
        const bytes = isRead ? readBuffer(content.length) : Buffer.alloc(content.length);
        bytes.set(content);
        const finder = new ByteFinder(wanted, 0);
        finder.begin(bytes);
        expect(all((from) => finder.next(from), bytes.length)).toEqual(occurrences(content));
      }),
    );
  });

  it('finds the next one from anywhere ahead', () => {
    fc.assert(
      fc.property(contents, fc.array(fc.nat(200_000)), (content, places) => {
        const finder = new ByteFinder(wanted, 0);
        finder.begin(content);
        const from = places.map((place) => place % (content.length + 1)).sort((a, b) => a - b);
        expect(from.map((place) => finder.next(place))).toEqual(
          from.map((place) => {
            const at = content.indexOf(wanted, place);
            return at < 0 ? content.length : at;
          }),
        );
      }),
    );
  });
});

it('the instructions mark what a search finds', () => {
  const length = 4096;
  const memory = new WebAssembly.Memory({ initial: 1 });
  const bytes = Buffer.from(memory.buffer);
  const [mark, search] = [marker(memory), searchingMarker(memory)];
  const marks = fc.array(fc.constantFrom(wanted, 0, 0xff), { minLength: 64, maxLength: 250 });
  fc.assert(
    fc.property(marks, fc.nat(20), fc.integer({ min: 1, max: 3 }), (content, address, steps) => {
      bytes.fill(0).set(content, address);
      const written = [mark, search].map((markBytes) => {
        const out = markBytes(address, address + steps * stepBytes, length, wanted);
        return [...new Int32Array(memory.buffer.slice(length, out))];
      });
      expect(written[0]).toEqual(written[1]);
    }),
  );
});

/** Around a block of the finder, with the byte everywhere, here and there, or nowhere. */
const contents = fc
  .tuple(
    fc.constantFrom(0, 1, 15, 16, 17, 300, 65_535, 65_536, 65_537, 140_000),
    fc.array(fc.nat(140_000), { maxLength: 50 }),
    fc.constantFrom(0, 0, wanted),
  )
  .map(([length, places, filling]) => {
    const bytes = Buffer.alloc(length, filling);
    for (const place of places) if (place < length) bytes[place] = filling === 0 ? wanted : 0;
    return bytes;
  });

function all(next: (from: number) => number, length: number): number[] {
  const found = [];
  for (let at = next(0); at < length; at = next(at + 1)) found.push(at);
  return found;
}

function occurrences(content: Buffer): number[] {
  return all((from) => {
    const at = content.indexOf(wanted, from);
    return at < 0 ? content.length : at;
  }, content.length);
}

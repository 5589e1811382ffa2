/*
 * Notes where a byte occurs, sixteen bytes at a time. JavaScript has no instructions for that, and to
 * call a native search costs more than to look through most of the texts in a log. WebAssembly has them,
 * and the one loop that it takes is small enough to be written down here (docs/decisions/020).
 */

/**
 * Writes each address that has the byte, from `address` to before `end`, as an Int32 to `out` and behind
 * it; returns where they end. Looks at whole steps, at least one: up to 15 addresses from `end` on may
 * be among them.
 */
export type Mark = (address: number, end: number, out: number, byte: number) => number;

export const stepBytes = 16;

const i32 = 0x7f;
const v128 = 0x7b;
const [address, end, out, byte, wanted, found] = [0, 1, 2, 3, 4, 5];
const get = 0x20;
const set = 0x21;
/** Sets, and leaves the value on the stack. */
const tee = 0x22;
const constant = 0x41;
const add = 0x6a;
const loop = [0x03, 0x40];
const again = [0x0d, 0];
const close = 0x0b;

/** Opcodes: https://webassembly.github.io/spec/core/binary/instructions.html */
const instructions = [
  [get, byte, 0xfd, 0x0f, set, wanted], // wanted = i8x16.splat(byte)
  loop,
  [get, address, 0xfd, 0x00, 0, 0, get, wanted, 0xfd, 0x23], // v128.load(address) i8x16.eq wanted
  [0xfd, 0x64, tee, found], // found = i8x16.bitmask of that: a bit for each byte
  [0x04, 0x40, loop], // if there is one: loop
  [get, out, get, address, get, found, 0x68, add, 0x36, 2, 0], // i32.store(out, address + i32.ctz(found))
  [get, out, constant, 4, add, set, out], // out += 4
  [get, found, get, found, constant, 1, 0x6b, 0x71, tee, found, again], // again if found &= found - 1
  [close, close],
  [get, address, constant, stepBytes, add, tee, address], // address += 16
  [get, end, 0x48, again], // again if address < end
  [close, get, out, close],
].flat(2);

const binary = Uint8Array.from(
  [
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, [1, 0x60, 4, i32, i32, i32, i32, 1, i32]), // the type of the function
    section(2, [1], text('log'), text('memory'), [2, 0, 0]), // what is imported
    section(3, [1, 0]),
    section(7, [1], text('mark'), [0, 0]), // what is exported
    section(10, [1], sized([[2, 1, v128, 1, i32], instructions].flat())), // its locals, and what it does
  ].flat(),
);

/** The function over a memory; where the processor has no such instructions one that searches. */
export function marker(memory: WebAssembly.Memory): Mark {
  if (!WebAssembly.validate(binary)) return searchingMarker(memory);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(binary), { log: { memory } });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as it is exported above
  return instance.exports['mark'] as Mark;
}

/** The same without WebAssembly. */
export function searchingMarker({ buffer }: WebAssembly.Memory): Mark {
  const bytes = Buffer.from(buffer);
  return (address, end, out, byte) => {
    const within = bytes.subarray(0, end);
    let next = out;
    for (let at = address; (at = within.indexOf(byte, at)) >= 0; at++, next += 4)
      bytes.writeInt32LE(at, next);
    return next;
  };
}

function section(id: number, ...body: readonly (readonly number[])[]): number[] {
  return [[id], sized(body.flat())].flat();
}

/** Lengths below 128 are one byte. */
function sized(bytes: readonly number[]): number[] {
  return [[bytes.length], bytes].flat();
}

function text(name: string): number[] {
  return sized([...Buffer.from(name)]);
}

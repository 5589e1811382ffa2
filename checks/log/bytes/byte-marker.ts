import { endianness } from 'node:os';

/*
 * Notes where a byte occurs, 64 bytes at a time. JavaScript has no instructions for that, and to call a
 * native search costs more than to look through most of the texts in a log. WebAssembly has them, and the
 * one loop that it takes is small enough to be written down here (docs/decisions/020).
 */

/**
 * Writes each address that has the byte, from `address` to before `end`, as an Int32 to `out` and behind
 * it; returns where they end. Looks at whole steps, at least one: addresses from `end` on may be among
 * them; and may write `spareBytes` more than it returns.
 */
export type Mark = (address: number, end: number, out: number, byte: number) => number;

export const stepBytes = 64;
/** So many addresses are written for each step without asking whether there are as many: most have less, and a wrong guess costs more. */
const unasked = 4;
export const spareBytes = unasked * 4;

const i32 = 0x7f;
const i64 = 0x7e;
const v128 = 0x7b;
const [address, end, out, byte, wanted, found, next] = [0, 1, 2, 3, 4, 5, 6];
const locals = [3, 1, v128, 1, i64, 1, i32];

/** Opcodes: https://webassembly.github.io/spec/core/binary/instructions.html */
const get = 0x20;
const set = 0x21;
/** Sets, and leaves the value on the stack. */
const tee = 0x22;
const constant32 = 0x41;
const constant64 = 0x42;
const add32 = 0x6a;
const loop = [0x03, 0x40];
const again = [0x0d, 0];
const ifThereIsOne = [get, found, 0x50, 0x45]; // not i64.eqz(found)
const close = 0x0b;

/** A bit for each of 16 bytes, as part of an i64. */
function bitsOf(part: number): number[] {
  return [
    [get, address, 0xfd, 0x00, 0, part * 16, get, wanted, 0xfd, 0x23], // v128.load(address + …) i8x16.eq wanted
    [0xfd, 0x64, 0xad, constant64, part * 16, 0x86], // i64.extend_i32_u(i8x16.bitmask of that) << …
  ].flat();
}

/** Writes the address of the lowest bit, and takes the bit away. */
function writeOne(index: number): number[] {
  return [
    [get, out, get, found, 0x7a, 0xa7, get, address, add32, 0x36, 2, index * 4], // i32.store(out + …, i32.wrap(i64.ctz(found)) + address)
    [get, found, get, found, constant64, 1, 0x7d, 0x83, set, found], // found &= found - 1
  ].flat();
}

const instructions = [
  [get, byte, 0xfd, 0x0f, set, wanted], // wanted = i8x16.splat(byte)
  loop,
  [bitsOf(0), bitsOf(1), 0x84, bitsOf(2), 0x84, bitsOf(3), 0x84, tee, found].flat(),
  [0x7b, 0xa7, constant32, 2, 0x74, get, out, add32, set, next], // next = out + (i32.wrap(i64.popcnt(found)) << 2)
  [writeOne(0), writeOne(1), writeOne(2), writeOne(3)].flat(),
  [ifThereIsOne, 0x04, 0x40, loop].flat(),
  writeOne(unasked),
  [get, out, constant32, 4, add32, set, out],
  [ifThereIsOne, again, close, close].flat(),
  [get, next, set, out],
  [get, address, constant32, leb128(stepBytes), add32, tee, address].flat(), // address += 64
  [get, end, 0x48, again].flat(), // again if address < end
  [close, get, out, close],
].flat();

const binary = Uint8Array.from(
  [
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, [1, 0x60, 4, i32, i32, i32, i32, 1, i32]), // the type of the function
    section(2, [1], text('log'), text('memory'), [2, 0, 0]), // what is imported
    section(3, [1, 0]),
    section(7, [1], text('mark'), [0, 0]), // what is exported
    section(10, [1], sized([locals, instructions].flat())), // its code
  ].flat(),
);

/** The function over a memory; where the processor has no such instructions, or writes numbers the other way round, one that searches. */
export function marker(memory: WebAssembly.Memory): Mark {
  if (endianness() === 'BE' || !WebAssembly.validate(binary)) return searchingMarker(memory);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(binary), { log: { memory } });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as it is exported above
  return instance.exports['mark'] as Mark;
}

/** The same without WebAssembly. */
export function searchingMarker({ buffer }: WebAssembly.Memory): Mark {
  const numbers = new Int32Array(buffer);
  return (address, end, out, byte) => {
    const bytes = Buffer.from(buffer, 0, end);
    let next = out / 4;
    for (let at = address; (at = bytes.indexOf(byte, at)) >= 0; at++) numbers[next++] = at;
    return next * 4;
  };
}

function section(id: number, ...body: readonly (readonly number[])[]): number[] {
  return [[id], sized(body.flat())].flat();
}

function sized(bytes: readonly number[]): number[] {
  return [leb128(bytes.length), bytes].flat();
}

/** A number below 8192, signed or not. */
function leb128(value: number): number[] {
  return value < 64 ? [value] : [(value & 0x7f) | 0x80, value >> 7];
}

function text(name: string): number[] {
  return sized([...Buffer.from(name)]);
}

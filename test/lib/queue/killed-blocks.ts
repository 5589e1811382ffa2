/** The block with that number: up to 40 KB, told from every other by each of its bytes. */
export function blockOf(number: number): Buffer {
  const block = Buffer.alloc(4 + ((number * 7919) % 40_000), `${number},`);
  block.writeUInt32LE(number, 0);
  return block;
}

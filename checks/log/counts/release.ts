/** Gives the memory of an array back now, and not when the garbage collector gets to it. The array is empty then. */
export function release(
  array: Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>,
): void {
  array.buffer.transfer(0);
}

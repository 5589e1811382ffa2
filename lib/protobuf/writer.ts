import { bytesType, fixed64Type, varintBytes, varintType } from './wire.ts';

const firstCapacityBytes = 4096;

/**
 * Writes protobuf, field by field, into a buffer that grows. Nothing is left out: whether a default
 * value is written is the caller's choice. Integers must fit their type.
 *
 *     const message = writer.begin(2);
 *     writer.string(1, 'name');
 *     writer.end(message);
 */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafeSlow(firstCapacityBytes);
  #view = new DataView(this.#bytes.buffer);
  #position = 0;

  /** Everything written, in memory of its own; the writer starts anew. */
  finish(): Uint8Array<ArrayBuffer> {
    const result = new Uint8Array(this.#bytes.subarray(0, this.#position));
    this.#position = 0;
    return result;
  }

  /** Opens an embedded message or packed field; `end` takes the result. */
  begin(field: number): number {
    this.#tag(field, bytesType);
    this.#reserve(1);
    this.#position += 1;
    return this.#position;
  }

  end(begun: number): void {
    const length = this.#position - begun;
    const extra = varintBytes(length) - 1;
    if (extra > 0) {
      this.#reserve(extra);
      this.#bytes.copyWithin(begun + extra, begun, this.#position);
    }
    this.#position = begun - 1;
    this.#varint(length);
    this.#position += length;
  }

  string(field: number, text: string): void {
    const begun = this.begin(field);
    this.#reserve(text.length * 3);
    this.#position += this.#bytes.write(text, this.#position);
    this.end(begun);
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.#tag(field, bytesType);
    this.#reserve(5 + bytes.byteLength);
    this.#varint(bytes.byteLength);
    this.#bytes.set(bytes, this.#position);
    this.#position += bytes.byteLength;
  }

  /** Fields of the current message that another writer has written. */
  encoded(fields: Uint8Array): void {
    this.#reserve(fields.byteLength);
    this.#bytes.set(fields, this.#position);
    this.#position += fields.byteLength;
  }

  bool(field: number, value: boolean): void {
    this.uint32(field, value ? 1 : 0);
  }

  uint32(field: number, value: number): void {
    this.#tag(field, varintType);
    this.#reserve(10);
    this.#varint(value);
  }

  /** Signed; a number must be a safe integer. */
  int64(field: number, value: number | bigint): void {
    this.#tag(field, varintType);
    this.#reserve(10);
    if (typeof value === 'number' && value >= 0) this.#varint(value);
    else this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
  }

  /** Also carries a double's exact bits, which a number cannot (a staleness marker). */
  fixed64(field: number, value: bigint): void {
    this.#tag(field, fixed64Type);
    this.#reserve(8);
    this.#view.setBigUint64(this.#position, value, true);
    this.#position += 8;
  }

  double(field: number, value: number): void {
    this.#tag(field, fixed64Type);
    this.#reserve(8);
    this.#view.setFloat64(this.#position, value, true);
    this.#position += 8;
  }

  /** Packed. */
  doubles(field: number, values: readonly number[]): void {
    const begun = this.begin(field);
    this.#reserve(values.length * 8);
    for (const value of values) {
      this.#view.setFloat64(this.#position, value, true);
      this.#position += 8;
    }
    this.end(begun);
  }

  /** Packed; unsigned integers. */
  fixed64Numbers(field: number, values: readonly number[]): void {
    const begun = this.begin(field);
    this.#reserve(values.length * 8);
    for (const value of values) {
      this.#view.setBigUint64(this.#position, BigInt(value), true);
      this.#position += 8;
    }
    this.end(begun);
  }

  #tag(field: number, wireType: number): void {
    this.#reserve(5);
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#position] = (rest % 0x80) | 0x80;
      this.#position += 1;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#position] = rest;
    this.#position += 1;
  }

  #bigVarint(value: bigint): void {
    let rest = value;
    while (rest > 0x7fn) {
      this.#bytes[this.#position] = Number(rest & 0x7fn) | 0x80;
      this.#position += 1;
      rest >>= 7n;
    }
    this.#bytes[this.#position] = Number(rest);
    this.#position += 1;
  }

  #reserve(bytes: number): void {
    const needed = this.#position + bytes;
    if (needed <= this.#bytes.byteLength) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.byteLength * 2));
    this.#bytes.copy(larger, 0, 0, this.#position);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

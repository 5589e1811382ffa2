import { bytesType, exactInt64, fixed32Type, fixed64Type, varintType } from './wire.ts';

/** The input is not what it claims to be: the only error the decoders throw for the bytes they are given. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/**
 * Reads protobuf in place, field by field. The caller names the type of every field; a field of
 * another wire type, and anything that reaches beyond its message, throws DecodeError.
 *
 *     while (reader.more()) {
 *       switch (reader.field()) {
 *         case 1: name = reader.string(); break;
 *         case 2: { const outer = reader.enter(); …; reader.leave(outer); break; }
 *         default: reader.skip();
 *       }
 *     }
 */
export class ProtobufReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #position = 0;
  #end: number;
  #wireType = bytesType;
  #fieldAt = 0;
  #high = 0;
  #lastFixed64 = 0n;
  #lastLow = 0;
  #lastHigh = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.byteLength;
  }

  /** Whether the current message has another field. */
  more(): boolean {
    return this.#position < this.#end;
  }

  /** The number of the next field, whose value is to be read or skipped next. */
  field(): number {
    this.#fieldAt = this.#position;
    const tag = this.#varint();
    if (tag < 8 || this.#high !== 0) throw this.#error(`invalid tag ${tag}`);
    this.#wireType = tag & 7;
    return tag >>> 3;
  }

  skip(): void {
    switch (this.#wireType) {
      case varintType:
        this.#varint();
        break;
      case fixed64Type:
        this.#take(8);
        break;
      case bytesType:
        this.#take(this.#length());
        break;
      case fixed32Type:
        this.#take(4);
        break;
      default:
        throw this.#error(`unsupported wire type ${this.#wireType}`);
    }
  }

  /** Goes into an embedded message, so that `more` is false at its end; `leave` takes the result. */
  enter(): number {
    const length = this.#length();
    const outer = this.#end;
    this.#end = this.#position + length;
    return outer;
  }

  leave(outer: number): void {
    this.#position = this.#end;
    this.#end = outer;
  }

  /** Skips an embedded message and says where it was, for `enterAt`: what it depends on may follow it. */
  skipMessage(): number {
    const at = this.#position;
    this.#take(this.#length());
    return at;
  }

  /** Enters a message skipped before, while its parent is still the current message. */
  enterAt(at: number): number {
    this.#position = at;
    this.#wireType = bytesType;
    return this.enter();
  }

  /** Where the reader stands, for the three methods below. */
  get position(): number {
    return this.#position;
  }

  /** Skips this embedded message and all that directly follow in the same field; says where they begin. */
  skipRun(): number {
    const start = this.#fieldAt;
    const tagLength = this.#position - start;
    do this.#take(this.#length());
    while (this.#tagRepeats(start, tagLength));
    return start;
  }

  /** Goes back to fields skipped just now, so that `more` is false where the reader stood; then `leave`. */
  enterRun(start: number): number {
    const outer = this.#end;
    this.#end = this.#position;
    this.#position = start;
    return outer;
  }

  /** A 32-bit hash of the bytes from `start` to `end`. */
  hash(start: number, end: number): number {
    let hash = end - start;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      hash = Math.imul(hash ^ this.#view.getInt32(at, true), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    for (; at < end; at += 1) hash = Math.imul(hash ^ this.#view.getUint8(at), 0x01000193);
    return hash;
  }

  /** Whether the bytes at two places of the input are the same. */
  same(start: number, other: number, length: number): boolean {
    let index = 0;
    for (; index + 4 <= length; index += 4) {
      const difference =
        this.#view.getInt32(start + index, true) ^ this.#view.getInt32(other + index, true);
      if (difference !== 0) return false;
    }
    for (; index < length; index += 1) {
      if (this.#view.getUint8(start + index) !== this.#view.getUint8(other + index)) return false;
    }
    return true;
  }

  string(): string {
    const length = this.#length();
    const start = this.#take(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  /** A view, valid as long as the input. */
  bytes(): Buffer {
    const length = this.#length();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  bool(): boolean {
    this.#expect(varintType);
    const low = this.#varint();
    return low !== 0 || this.#high !== 0;
  }

  /** Unsigned; of a longer varint the low 32 bits, as protobuf has it. */
  uint32(): number {
    this.#expect(varintType);
    return this.#varint();
  }

  /** Signed; a bigint only where a number would not be exact. */
  int64(): number | bigint {
    this.#expect(varintType);
    const low = this.#varint();
    return exactInt64(low, this.#high | 0);
  }

  /** Unsigned. */
  fixed64(): bigint {
    this.#expect(fixed64Type);
    const at = this.#take(8);
    const low = this.#view.getUint32(at, true);
    const high = this.#view.getUint32(at + 4, true);
    // Most points of a request share their time: making the bigint once is worth the comparison.
    if (low !== this.#lastLow || high !== this.#lastHigh) {
      this.#lastFixed64 = this.#view.getBigUint64(at, true);
      this.#lastLow = low;
      this.#lastHigh = high;
    }
    return this.#lastFixed64;
  }

  /** Unsigned; beyond 2^53 the nearest double. */
  fixed64Number(): number {
    this.#expect(fixed64Type);
    return this.#unsigned64(this.#take(8));
  }

  /** Signed; beyond ±2^53 the nearest double. */
  sfixed64Number(): number {
    this.#expect(fixed64Type);
    const at = this.#take(8);
    return Number(this.#view.getBigInt64(at, true));
  }

  double(): number {
    this.#expect(fixed64Type);
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** Appends a repeated double, packed or not. */
  doubles(into: number[]): void {
    this.#repeated64(into, (at) => this.#view.getFloat64(at, true));
  }

  /** Appends a repeated fixed64, packed or not; beyond 2^53 the nearest double. */
  fixed64Numbers(into: number[]): void {
    this.#repeated64(into, (at) => this.#unsigned64(at));
  }

  #tagRepeats(tagAt: number, length: number): boolean {
    const repeats =
      this.#end - this.#position >= length && this.same(tagAt, this.#position, length);
    if (repeats) this.#position += length;
    return repeats;
  }

  #repeated64(into: number[], read: (at: number) => number): void {
    if (this.#wireType === fixed64Type) {
      into.push(read(this.#take(8)));
      return;
    }
    const length = this.#length();
    if (length % 8 !== 0) throw this.#error(`packed field of ${length} bytes, not a multiple of 8`);
    const start = this.#take(length);
    for (let at = start; at < start + length; at += 8) into.push(read(at));
  }

  #unsigned64(at: number): number {
    return Number(this.#view.getBigUint64(at, true));
  }

  #length(): number {
    this.#expect(bytesType);
    const length = this.#varint();
    if (this.#high !== 0 || length > this.#end - this.#position) {
      throw this.#error(`truncated: a field of ${length} bytes does not fit`);
    }
    return length;
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) {
      throw this.#error(`wire type ${this.#wireType} where ${wireType} belongs`);
    }
  }

  /** Moves over `length` bytes and returns where they begin. */
  #take(length: number): number {
    const start = this.#position;
    if (length > this.#end - start) throw this.#error(`truncated: ${length} bytes are missing`);
    this.#position = start + length;
    return start;
  }

  /** Returns the low 32 bits, unsigned, and leaves the high ones in `#high`. */
  #varint(): number {
    const byte = this.#position < this.#end ? this.#view.getUint8(this.#position) : 0x80;
    if (byte >= 0x80) return this.#longVarint();
    this.#position += 1;
    this.#high = 0;
    return byte;
  }

  #longVarint(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#view.getUint8(this.#take(1));
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.#high = high >>> 0;
        return low >>> 0;
      }
    }
    throw this.#error('varint of more than ten bytes');
  }

  #error(what: string): DecodeError {
    return new DecodeError(`cannot decode protobuf: ${what} (byte ${this.#position})`);
  }
}

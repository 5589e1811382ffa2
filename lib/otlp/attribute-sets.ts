import type { ProtobufReader } from '#lib/protobuf/reader';
import { AttributeBuilder, readAttribute } from './attributes.ts';
import type { DecodeLimits } from './limits.ts';

/** Where the bytes of an attribute set are in the message, and what they say. */
interface KnownSet {
  readonly start: number;
  readonly length: number;
  readonly attributes: AttributeBuilder;
}

/**
 * Reads the attributes of data points, each distinct set only once: all metrics of one run carry the
 * same ones, so that most points of a message share an object. Half of decoding is spared by it.
 */
export class AttributeSets {
  readonly #limits: DecodeLimits;
  readonly #known = new Map<number, KnownSet>();

  constructor(limits: DecodeLimits) {
    this.#limits = limits;
  }

  /**
   * Reads the run of attributes of which the first field was announced, and adds it to what the point
   * has so far, if anything.
   */
  read(reader: ProtobufReader, soFar: AttributeBuilder | undefined): AttributeBuilder {
    const start = reader.skipRun();
    if (soFar !== undefined) return this.#parse(reader, start, soFar.copy());
    const length = reader.position - start;
    const hash = reader.hash(start, start + length);
    const known = this.#known.get(hash);
    if (known?.length === length && reader.same(known.start, start, length)) {
      return known.attributes;
    }
    const attributes = this.#parse(reader, start, new AttributeBuilder(this.#limits));
    this.#known.set(hash, { start, length, attributes });
    return attributes;
  }

  #parse(reader: ProtobufReader, start: number, into: AttributeBuilder): AttributeBuilder {
    const outer = reader.enterRun(start);
    while (reader.more()) {
      reader.field();
      readAttribute(reader, into);
    }
    reader.leave(outer);
    return into;
  }
}

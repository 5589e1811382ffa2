import { gunzipSync, gzipSync } from 'node:zlib';

/**
 * An OTLP protobuf request as the queue keeps it: compressed (RFC 1952), for all points of a run repeat
 * its labels, and the disk decides how long a backend may be away. Agents post it this way, and the
 * bytes they chose go to the disk as they are.
 */
export interface Payload {
  readonly gzip: Uint8Array;
  /** Its length once it is inflated. */
  readonly inflatedBytes: number;
}

export function compress(request: Uint8Array): Payload {
  return { gzip: gzipSync(request, { level: 1 }), inflatedBytes: request.length };
}

/** Throws for more bytes than there are said to be. */
export function decompress({ gzip, inflatedBytes }: Payload): Uint8Array {
  // In one chunk; 64 bytes are the least that zlib takes.
  const chunkSize = Math.max(inflatedBytes, 64);
  return gunzipSync(gzip, { chunkSize, maxOutputLength: chunkSize });
}

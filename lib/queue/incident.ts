/** What the queue met or did that its owner must log and count. Files are paths, bytes of payload. */
export type QueueIncident =
  /** An append that had not been acknowledged when the process or the power died: cut off. */
  | { readonly kind: 'torn'; readonly file: string; readonly bytes: number }
  /** Bytes that are no intact record any more; `blocks` are lost. The file is kept aside when its turn to be deleted comes. */
  | {
      readonly kind: 'damaged';
      readonly file: string;
      readonly bytes: number;
      readonly blocks: number;
    }
  /** No consumer's position could be read: each starts again at the oldest block. */
  | { readonly kind: 'positions_damaged'; readonly file: string }
  /** The disk refused to write or sync a file: what was not acknowledged went to a new one. */
  | { readonly kind: 'poisoned'; readonly file: string; readonly error: unknown }
  /** A bound was reached: the consumer's oldest blocks were given up. */
  | {
      readonly kind: 'dropped';
      readonly consumer: string;
      readonly blocks: number;
      readonly bytes: number;
      readonly reason: 'bytes' | 'age';
    }
  /** A consumer that is no longer configured: its position, with `blocks` unread, was given up. */
  | { readonly kind: 'forgotten'; readonly consumer: string; readonly blocks: number }
  /** Housekeeping that will be tried again: a file not deleted, a position not yet stored. */
  | { readonly kind: 'trouble'; readonly file: string; readonly error: unknown };

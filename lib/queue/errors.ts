/** A required consumer is so far behind that nothing more may wait for it. Try again when it has moved on. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
  readonly consumer: string;

  constructor(consumer: string, why: string) {
    super(`the queue is full for ${consumer}: ${why}`);
    this.consumer = consumer;
  }
}

/** The disk has no room: nothing of the append is kept. Appends work again when there is space. */
export class DiskFullError extends Error {
  override readonly name = 'DiskFullError';

  constructor(directory: string, cause: unknown) {
    super(
      `cannot append to ${directory}: no space left; free some and appends go on by themselves`,
      { cause },
    );
  }
}

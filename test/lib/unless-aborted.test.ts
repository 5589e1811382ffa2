import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { unlessAborted } from '#lib/unless-aborted';

describe('unlessAborted', () => {
  test('gives what the promise comes to, and lets go of the signal', async () => {
    const controller = new AbortController();
    expect(await unlessAborted(Promise.resolve(7), controller.signal)).toBe(7);
    await expect(
      unlessAborted(Promise.reject(new Error('broken')), controller.signal),
    ).rejects.toThrow('broken');
  });

  test.each(['before', 'meanwhile'])(
    'gives undefined where the signal aborts %s; a rejection after that is unhandled by nobody',
    async (when) => {
      const controller = new AbortController();
      const { promise, reject } = Promise.withResolvers<number>();
      const unhandled: unknown[] = [];
      const note = (error: unknown): void => void unhandled.push(error);
      process.on('unhandledRejection', note);
      if (when === 'before') controller.abort();
      const result = unlessAborted(promise, controller.signal);
      controller.abort();
      expect(await result).toBeUndefined();
      reject(new Error('too late'));
      await setImmediate();
      await setImmediate();
      process.off('unhandledRejection', note);
      expect(unhandled).toEqual([]);
    },
  );
});

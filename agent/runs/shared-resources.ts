import type { CheckServices } from '#checks/check';

/** What checks of one type share: opened when the first one asks, and once; disposed with the agent. */
export class SharedResources implements AsyncDisposable {
  readonly #opened = new Map<string, Promise<AsyncDisposable>>();

  readonly shared: CheckServices['shared'] = async <T extends AsyncDisposable>(
    name: string,
    open: () => Promise<T>,
  ): Promise<T> => {
    const opened = this.#opened.get(name) ?? open();
    this.#opened.set(name, opened);
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one name stands for one kind of thing
      return (await opened) as T;
    } catch (error) {
      // Not what somebody else has begun to open since.
      if (this.#opened.get(name) === opened) this.#opened.delete(name);
      throw error;
    }
  };

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#opened.values());
    for (const one of opened.toReversed()) {
      if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]();
    }
  }
}

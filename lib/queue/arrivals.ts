/** Lets readers wait until something has been appended. */
export class Arrivals {
  readonly #waiting = new Set<PromiseWithResolvers<void>>();

  /** Resolves at the next `announce`; rejects with the signal's reason, or with what `close` is given. */
  async next(signal: AbortSignal): Promise<void> {
    const arrival = Promise.withResolvers<void>();
    const abort = (): void => arrival.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#waiting.add(arrival);
    try {
      await arrival.promise;
    } finally {
      signal.removeEventListener('abort', abort);
      this.#waiting.delete(arrival);
    }
  }

  announce(): void {
    for (const { resolve } of this.#waiting) resolve();
    this.#waiting.clear();
  }

  close(error: Error): void {
    for (const { reject } of this.#waiting) reject(error);
  }
}

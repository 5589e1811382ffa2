import { openQueue, type Queue, type QueueIncident, type QueueOptions } from '#lib/queue';
import { ManualClock } from '#test/support/clocks/manual-clock';
import { SimulatedDisk } from '#test/support/disks/simulated-disk';

export const never = new AbortController().signal;

/** A simulated disk, the queue on it, and what the queue has reported. */
export class SimulatedQueue {
  disk = new SimulatedDisk();
  readonly incidents: QueueIncident[] = [];

  open(options: Partial<QueueOptions> = {}): Promise<Queue> {
    return openQueue({
      directory: '/queue',
      files: this.disk,
      clock: new ManualClock(),
      consumers: [{ name: 'sink', bytesMax: Infinity, ageMaxMs: Infinity, required: true }],
      report: (incident) => this.incidents.push(incident),
      ...options,
    });
  }

  /** Opens the queue, appends each block in a group of its own, and closes it. */
  async holding(blocks: readonly string[], options: Partial<QueueOptions> = {}): Promise<void> {
    await using queue = await this.open(options);
    for (const block of blocks) await queue.append(Buffer.from(block));
  }

  /** As `holding`, but the process is killed instead of closing the queue. */
  async killedHolding(
    blocks: readonly string[],
    options: Partial<QueueOptions> = {},
  ): Promise<void> {
    const queue = await this.open(options);
    for (const block of blocks) await queue.append(Buffer.from(block));
    this.kill();
  }

  /** Ends the process that has the queue, whatever it is at. */
  kill(): void {
    this.disk = this.disk.afterKill();
  }

  get segments(): string[] {
    return this.disk.paths.filter((path) => path.endsWith('.segment'));
  }

  /** The path of the only, or of the chosen segment. */
  segment(index = 0): string {
    const path = this.segments[index];
    if (!path) throw new Error(`there is no segment ${index}`);
    return path;
  }

  /** Flips one bit of the byte where `text` stands in a file, `distance` bytes further. */
  flip(path: string, text: string, distance = 0): void {
    const bytes = this.disk.bytesOf(path);
    const offset = bytes.indexOf(text) + distance;
    bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  }
}

/** What waits for the consumer, as text. */
export async function waiting(queue: Queue, consumer = 'sink'): Promise<string[]> {
  if (queue.statistics(consumer).pendingBlocks === 0) return [];
  const entries = await queue.read(consumer, Infinity, never);
  return entries.map(({ block }) => Buffer.from(block).toString());
}

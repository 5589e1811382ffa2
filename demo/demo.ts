import { setTimeout as delay } from 'node:timers/promises';
import { readAgentStatus } from '#lib/agent-status';
import { type Backlog, type Cell, readQueue, readTargets } from './collector.ts';
import { type DemoFolder, regions } from './folder.ts';
import { type Act, actAt } from './script.ts';
import { Stage, type StageOptions } from './stage.ts';
import type { Scene } from './table.ts';

/** Where what happens is shown: a live table, lines, or JSON. */
export interface Screen {
  /** Something happened: the curtain rose, an act began, a verdict changed, the configuration was edited, a program restarted. */
  happened(event: DemoEvent): void;
  /** Twice a second: everything as it is now. */
  show(scene: Scene): void;
}

export type DemoEvent = { readonly elapsedMs: number } & (
  | { readonly kind: 'opened'; readonly configuration: string }
  | { readonly kind: 'act'; readonly act: Act }
  | { readonly kind: 'verdict'; readonly cell: Cell }
  | { readonly kind: 'edit' | 'restart'; readonly message: string }
);

const tickMs = 500;
const runsShown = 16;

/**
 * Plays the sample service's script over real agents and a real collector until the signal aborts or
 * `forMs` have passed, and shows what the collector's history says. Resolves with the last scene, if there was one;
 * rejects when a program gives up.
 */
export async function runDemo(
  { forMs, ...options }: StageOptions & { readonly forMs: number },
  screen: Screen,
  signal: AbortSignal,
): Promise<Scene | undefined> {
  await using stage = await openUnlessStopped(options, signal);
  if (stage === undefined) return undefined;
  screen.happened({ kind: 'opened', elapsedMs: 0, configuration: stage.folder.agentFile });
  const startedMs = performance.now();
  let scene: Scene | undefined;
  for (let elapsedMs = 0; elapsedMs < forMs && !signal.aborted;) {
    const before = scene;
    await direct(stage, { elapsedMs, before: before?.act }, screen);
    scene = await look(stage.folder, elapsedMs, before);
    for (const cell of changes(before?.cells ?? [], scene.cells)) {
      screen.happened({ kind: 'verdict', elapsedMs, cell });
    }
    screen.show(scene);
    await delay(tickMs, undefined, { signal }).catch(() => undefined);
    elapsedMs = performance.now() - startedMs;
  }
  return scene;
}

/** Whoever stops the demo while it starts is told nothing. */
async function openUnlessStopped(
  options: StageOptions,
  signal: AbortSignal,
): Promise<Stage | undefined> {
  try {
    return await Stage.open(options, signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** Moves the play on, and lets the agents follow their file. */
async function direct(
  stage: Stage,
  { elapsedMs, before }: { readonly elapsedMs: number; readonly before: Act | undefined },
  screen: Screen,
): Promise<void> {
  for (const name of stage.restartStopped()) {
    screen.happened({
      kind: 'restart',
      elapsedMs,
      message: `${name} was stopped; it starts again`,
    });
  }
  const act = actAt(elapsedMs);
  if (act !== before) {
    await stage.service.play(act.name);
    screen.happened({ kind: 'act', elapsedMs, act });
  }
  const message = await stage.followEdits();
  if (message !== undefined) screen.happened({ kind: 'edit', elapsedMs, message });
}

/** What collector and agents say now; what does not answer is shown as it was. */
async function look(
  folder: DemoFolder,
  elapsedMs: number,
  before: Scene | undefined,
): Promise<Scene> {
  const [cells, queue, outboxes] = await Promise.all([
    readTargets(folder.collectorUrl, folder.readKey, runsShown).catch(() => before?.cells ?? []),
    readQueue(folder.collectorUrl).catch(() => before?.queue),
    Promise.all(regions.map((region) => readOutbox(region, folder.agentData(region)))),
  ]);
  return {
    act: actAt(elapsedMs),
    elapsedMs,
    regions,
    cells,
    queue,
    outboxes: outboxes.filter((outbox) => outbox !== undefined),
    configuration: folder.agentFile,
  };
}

async function readOutbox(name: string, dataDirectory: string): Promise<Backlog | undefined> {
  const status = await readAgentStatus(dataDirectory);
  return status && { name, ...status.outbox };
}

/** Cells whose verdict, or the reason for it, is another than before. */
function changes(before: readonly Cell[], now: readonly Cell[]): readonly Cell[] {
  return now.filter((cell) => {
    const old = before.find(
      ({ check, target, region }) =>
        check === cell.check && target === cell.target && region === cell.region,
    );
    return old?.verdict !== cell.verdict || old.errorType !== cell.errorType;
  });
}

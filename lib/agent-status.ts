import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a running agent says of itself, for whoever stands beside it: a health check, a person. */
export interface AgentStatus {
  readonly version: 1;
  readonly updatedUnixMs: number;
  /** What waits for the collector. */
  readonly outbox: { readonly blocks: number; readonly bytes: number };
  readonly export: {
    readonly lastSuccessUnixMs: number | null;
    /** Why nothing was delivered since; null while delivery works. */
    readonly trouble: string | null;
  };
}

/** Where the status of the agent with this data folder is. */
export function agentStatusFile(dataDirectory: string): string {
  return join(dataDirectory, 'status.json');
}

/** Replaces the status in the agent's data folder as a whole: a reader never sees half of one. */
export async function writeAgentStatus(dataDirectory: string, status: AgentStatus): Promise<void> {
  const path = agentStatusFile(dataDirectory);
  await writeFile(`${path}.new`, JSON.stringify(status));
  await rename(`${path}.new`, path);
}

/** The last status that was written; undefined where there is none of this version. */
export async function readAgentStatus(dataDirectory: string): Promise<AgentStatus | undefined> {
  try {
    const text = await readFile(agentStatusFile(dataDirectory), 'utf8');
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own file, of this version
    const status = JSON.parse(text) as AgentStatus;
    return status.version === 1 ? status : undefined;
  } catch {
    return undefined;
  }
}

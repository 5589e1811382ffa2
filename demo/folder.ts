import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newKey } from '#lib/key';

export const regions = ['eu-west', 'us-east', 'ap-south'] as const;
export type Region = (typeof regions)[number];

/** Where everything of one demo lies, and what its programs need to know to find each other. */
export interface DemoFolder {
  readonly path: string;
  /** One file for all three agents: they differ by their environment only, as in production. */
  readonly agentFile: string;
  readonly collectorFile: string;
  readonly collectorUrl: string;
  readonly accessLogFile: string;
  /** What the programs print, a file each. */
  readonly logs: string;
  /** What an agent's process needs in its environment. */
  readonly agentEnvironment: (region: Region) => Record<string, string>;
  /** The agent's own folder: outbox and status. */
  readonly agentData: (region: Region) => string;
  /** `id.secret` that may read results from the collector. */
  readonly readKey: string;
}

/** Writes a collector's and the agents' configuration with fresh keys into `path`. */
export async function createFolder(path: string, servicePort: number): Promise<DemoFolder> {
  const collectorUrl = `http://127.0.0.1:${await freePort()}`;
  const keys = Object.fromEntries(regions.map((region) => [region, newKey(region)]));
  const reader = newKey('demo-reader');
  const agentData = (region: Region): string => join(path, 'data', region);
  const folder: DemoFolder = {
    path,
    agentFile: join(path, 'agent.yaml'),
    collectorFile: join(path, 'collector.yaml'),
    collectorUrl,
    accessLogFile: join(path, 'access.log'),
    logs: join(path, 'logs'),
    agentData,
    agentEnvironment: (region) => ({
      FARPOINT_REGION: region,
      FARPOINT_DATA: agentData(region),
      FARPOINT_KEY: keys[region]?.text ?? '',
    }),
    readKey: reader.text,
  };
  for (const region of regions) await mkdir(agentData(region), { recursive: true });
  await mkdir(join(path, 'data', 'collector'));
  await writeFile(folder.agentFile, agentYaml(servicePort, folder));
  const keyLines = regions.map(
    (region) =>
      `  - { id: ${region}, sha256: ${keys[region]?.sha256}, agents: [${region}], regions: [${region}] }`,
  );
  keyLines.push(`  - { id: ${reader.id}, sha256: ${reader.sha256}, scopes: [read] }`);
  await writeFile(folder.collectorFile, collectorYaml(folder, keyLines));
  return folder;
}

/** A new folder for one demo. */
export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'farpoint-demo-'));
}

function agentYaml(servicePort: number, folder: DemoFolder): string {
  return `# The agents of the demo. Edit and save: they restart with it, and lose nothing.
version: 1
agent:
  region: \${env:FARPOINT_REGION}
  data: \${env:FARPOINT_DATA}
collector:
  urls: ['${folder.collectorUrl}']
  key: \${env:FARPOINT_KEY}
regions: [${regions.join(', ')}]
defaults: { every: 2s, timeout: 1500ms, service: sample }
checks:
  - name: page
    type: http
    target: http://127.0.0.1:${servicePort}/
    headers:
      x-demo-region: \${env:FARPOINT_REGION}     # lets the sample service break in one region only
  - name: download
    type: http
    target: http://127.0.0.1:${servicePort}/archive.bin
    headers:
      x-demo-region: \${env:FARPOINT_REGION}
  - name: access-log
    type: log
    agents: [eu-west]                           # a log is on one host
    target: ${folder.accessLogFile}
    format:
      nginx: '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time'
`;
}

function collectorYaml(folder: DemoFolder, keyLines: readonly string[]): string {
  return `version: 1
listen: ${new URL(folder.collectorUrl).host}
data: ${join(folder.path, 'data', 'collector')}
fleet: { file: ${folder.agentFile} }
keys:
${keyLines.join('\n')}
sinks:
  - { name: history, type: history }
`;
}

/** A port of 127.0.0.1 that nobody listens on at this moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

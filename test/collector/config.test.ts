import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadCollectorConfiguration } from '#collector/config';

const folder = join(import.meta.dirname, '../config/valid');
const env = { REMOTE_WRITE_TOKEN: 'token-of-the-backend' };
const load = (file: string): ReturnType<typeof loadCollectorConfiguration> =>
  loadCollectorConfiguration(join(folder, file), { env, resolve: true });

test('a short configuration listens on loopback and keeps a history', () => {
  expect(load('collector-short.yaml')).toMatchObject({
    listen: { host: '127.0.0.1', port: 4318 },
    tls: undefined,
    dataDirectory: '/var/lib/farpoint',
    limits: { bodyBytesMax: 16 * 1024 ** 2, inflatedBytesMax: 64 * 1024 ** 2, labelsMax: 32 },
    sinks: [{ name: 'history', type: 'history', queue: { required: false }, labels: {} }],
    fleet: undefined,
  });
});

describe('a whole configuration', () => {
  const configuration = load('collector.yaml');

  test('knows keys, and the last moment of their last day', () => {
    expect(configuration.keys).toHaveLength(4);
    expect(configuration.keys[2]).toEqual({
      id: 'k1af',
      sha256: '3f1c0000000000000000000000000000000000000000000000000000000000a5',
      agents: ['af-south'],
      regions: ['af-south'],
      scopes: [],
      expiresUnixMs: Date.UTC(2027, 6, 1) - 1,
    });
    expect(configuration.keys[3]).toMatchObject({ agents: [], scopes: ['read'] });
  });

  test('knows sinks with their bounds', () => {
    expect(configuration.sinks).toMatchObject([
      {
        name: 'metrics',
        type: 'prometheus',
        labels: { environment: 'production' },
        queue: { bytesMax: 20 * 1024 ** 3, ageMaxMs: 14 * 86_400_000, required: true },
        settings: { url: 'https://metrics.elsewhere.example/api/v1/write' },
      },
      { name: 'page', type: 'history' },
    ]);
  });

  test("reads the fleet from the agents' file without the agents' secrets", () => {
    const { fleet } = configuration;
    expect(fleet?.regions).toEqual(['eu-west', 'us-east', 'ap-south', 'sa-east', 'af-south']);
    expect(fleet?.checks.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'home http',
      'archive http',
      'api http',
      'access-log log',
      'edge ping',
      'edge-slow ping',
    ]);
  });
});

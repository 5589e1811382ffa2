import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as apps from 'kubernetes-models/apps/v1';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as core from 'kubernetes-models/v1';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runFarpoint } from '../support/run-farpoint.ts';

const folder = join(import.meta.dirname, '../../docker/kubernetes');
const manifests = globSync('{*,agent/*,collector/*}.yaml', { cwd: folder })
  .map((path) => ({ path, content: read(path) }))
  .filter(({ content }) => content.apiVersion !== undefined && content.kind !== 'Kustomization');
const kustomizations = globSync('**/kustomization.yaml', { cwd: folder });
/** What Kubernetes knows, by apiVersion. */
const models: Readonly<Record<string, object>> = {
  v1: core,
  'apps/v1': apps,
  'policy/v1': policy,
  'networking.k8s.io/v1': networking,
};

interface Manifest {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly spec?: Specification;
  readonly resources?: readonly string[];
  readonly labels?: readonly { readonly pairs: Readonly<Record<string, string>> }[];
  readonly configMapGenerator?: readonly { files?: string[]; literals?: string[] }[];
}

interface Specification {
  readonly replicas?: number;
  readonly template: { readonly spec: Pod };
}

interface Pod {
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly containers: readonly Readonly<Record<string, unknown>>[];
}

test('there is everything that was promised', () => {
  const kinds = manifests.map(({ path, content }) => `${dirname(path)} ${content.kind}`).sort();
  const each = ['NetworkPolicy', 'PodDisruptionBudget', 'StatefulSet'];
  expect(kinds).toEqual(
    [
      ...each.map((kind) => `agent ${kind}`),
      ...[...each, 'Service'].map((kind) => `collector ${kind}`),
      '. Namespace',
    ].sort(),
  );
});

test.each(manifests)('$path is what the Kubernetes schema says', ({ content }) => {
  expect(mistakesOf(content)).toBe('');
});

test('the schema would find a mistake', () => {
  expect(mistakesOf({ apiVersion: 'apps/v1', kind: 'StatefulSet', spec: { replicas: 'one' } })).toMatch(
    /replicas/,
  );
});

test.each(manifests.filter(({ content }) => content.kind === 'StatefulSet'))(
  '$path keeps to restricted pod security',
  ({ content }) => {
    const pod = content.spec?.template.spec;
    expect(pod?.automountServiceAccountToken).toBe(false);
    expect(pod?.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const container of pod?.containers ?? []) {
      expect(container['securityContext']).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container['livenessProbe']).toBeDefined();
      expect(container['resources']).toMatchObject({ limits: { memory: expect.any(String) } });
    }
  },
);

test.each(kustomizations)('%s names only files that exist', (path) => {
  const { resources = [], configMapGenerator = [] } = read(path);
  for (const name of [...resources, ...configMapGenerator.flatMap(({ files = [] }) => files)]) {
    expect(existsSync(join(folder, dirname(path), name)), name).toBe(true);
  }
});

describe('the configuration in them', () => {
  test('agents and collector have the same fleet', () => {
    expect(text('collector/fleet.yaml')).toBe(text('agent/fleet.yaml'));
  });

  test('every region of the fleet has an overlay, and the reverse', () => {
    const { regions } = parse(text('agent/fleet.yaml')) as { regions: readonly string[] };
    const overlays = kustomizations.filter((path) => path.startsWith('regions/'));
    expect(overlays.map((path) => dirname(path).replace('regions/', '')).sort()).toEqual([...regions].sort());
    for (const region of regions) {
      const { configMapGenerator, labels } = read(`regions/${region}/kustomization.yaml`);
      expect(configMapGenerator?.[0]?.literals).toContain(`FARPOINT_REGION=${region}`);
      expect(labels?.[0]?.pairs).toEqual({ 'farpoint/region': region });
    }
  });

  test('the collector\'s is valid', () => {
    const { output } = runFarpoint(['validate', join(folder, 'collector/collector.yaml')]);
    expect(output).toMatch(/collector\.yaml: valid; listens on 0\.0\.0\.0:4318, TLS/);
    expect(output).not.toMatch(/warning/);
  });
});

function mistakesOf(content: object): string {
  const { apiVersion = '', kind = '' } = content as Manifest;
  const module = models[apiVersion] ?? {};
  const Model = Object.entries(module).find(([name]) => name === kind)?.[1];
  if (Model === undefined) return `there is no ${apiVersion} ${kind}`;
  try {
    new Model(content).validate();
    return '';
  } catch (error) {
    return String(error);
  }
}

function read(path: string): Manifest {
  return parse(text(path)) as Manifest;
}

function text(path: string): string {
  return readFileSync(join(folder, path), 'utf8');
}

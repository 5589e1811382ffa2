import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as apps from 'kubernetes-models/apps/v1';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as core from 'kubernetes-models/v1';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { onPath } from '../support/needs.ts';
import { runFarpoint } from '../support/run-farpoint.ts';

const folder = join(import.meta.dirname, '../../docker/kubernetes');
const manifests = globSync('{namespace,agent,collector}/*.yaml', { cwd: folder })
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
  readonly metadata?: Metadata;
  readonly spec?: Specification;
  readonly resources?: readonly string[];
  readonly labels?: readonly { readonly pairs: Readonly<Record<string, string>> }[];
  readonly configMapGenerator?: readonly { files?: string[]; literals?: string[] }[];
}

interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

interface Specification {
  readonly replicas?: number;
  readonly template: { readonly metadata?: Metadata; readonly spec: Pod };
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
      'namespace Namespace',
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
  ({ content }) => expectRestricted(content.spec?.template.spec),
);

// Where there is one: Debian's is older than the `labels` of a kustomization, so that CI cannot install it.
const renderer = onPath('kubectl') ? describe : undefined;
renderer?.('as kubectl renders it', () => {
  const overlays = ['collector', ...kustomizations.map(dirname).filter((path) => path.startsWith('regions/'))];
  test.each(overlays)('%s is what the Kubernetes schema says, confined, and complete', (overlay) => {
    const objects = render(overlay);
    const component = overlay === 'collector' ? 'collector' : 'agent';
    for (const object of objects) {
      expect(mistakesOf(object)).toBe('');
      if (object.kind !== 'Namespace') expect(object.metadata?.namespace).toBe('farpoint');
    }
    const [namespace] = objects.filter(({ kind }) => kind === 'Namespace');
    expect(namespace?.metadata?.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    const [set] = objects.filter(({ kind }) => kind === 'StatefulSet');
    const pod = set?.spec?.template.spec;
    expectRestricted(pod);
    expect(pod?.containers[0]?.['image']).toBe('registry.example.net/farpoint:0.1.0');

    // Whatever it mounts and reads its environment from is there, under the name it was given.
    const named = JSON.stringify(pod).match(/(?<="configMap(?:Ref)?":\{"name":")[^"]+/g) ?? [];
    const rendered = objects.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata }) => metadata?.name);
    expect(named.length).toBe(2);
    expect(new Set(named)).toEqual(new Set(rendered));

    const labels = set?.spec?.template.metadata?.labels;
    const { selector, podSelector } = Object.assign(
      {},
      ...objects.filter(({ kind = '' }) => /Policy|Budget/.test(kind)).map(({ spec }) => spec),
    );
    expect(labels).toMatchObject(selector.matchLabels);
    expect(labels).toMatchObject(podSelector.matchLabels);
    expect(podSelector.matchLabels).toMatchObject({ 'app.kubernetes.io/component': component });
    if (component === 'agent') expect(labels).toMatchObject({ 'farpoint/region': basename(overlay) });
  });
});

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

function expectRestricted(pod: Pod | undefined): void {
  expect(pod?.automountServiceAccountToken).toBe(false);
  expect(pod?.securityContext).toMatchObject({
    runAsNonRoot: true,
    runAsUser: 1000,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  expect(pod?.containers).toHaveLength(1);
  for (const container of pod?.containers ?? []) {
    expect(container['securityContext']).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container['livenessProbe']).toBeDefined();
    expect(container['resources']).toMatchObject({ limits: { memory: expect.any(String) } });
  }
}

/** The objects that an overlay stands for. */
function render(overlay: string): readonly Manifest[] {
  const rendered = execFileSync('kubectl', ['kustomize', join(folder, overlay)], { encoding: 'utf8' });
  return parseAllDocuments(rendered).map((document) => document.toJS() as Manifest);
}

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

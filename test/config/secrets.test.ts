import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { isScalar, parseDocument, visit } from 'yaml';
import { loadAgentConfiguration } from '#agent/config';
import { loadCollectorConfiguration } from '#collector/config';
import { ConfigurationError } from '#lib/configuration';
import { createLog } from '#lib/log';

const word = 'correct-horse-battery-staple';
const folder = mkdtempSync(join(tmpdir(), 'farpoint-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));

const parts = {
  agent: {
    load: loadAgentConfiguration,
    text: `version: 1
agent: { region: eu-west, data: /tmp/x, outbox: { size: 1GiB, age: 7d } }
collector: { urls: ['http://127.0.0.1:4318'], key: "SECRET" }
regions: [eu-west, us-east]
defaults: { every: 30s, labels: { team: web } }
checks:
  - { name: home, type: http, service: web, target: 'https://example.org/', timeout: 5s, regions: [eu-west] }
  - { name: edge, type: ping, service: net, targets: [a.example.net], cron: '*/5 * * * *', timezone: UTC }
  - { name: access, type: log, service: web, target: /var/log/a.log, format: { preset: nginx-main } }
`,
  },
  collector: {
    load: loadCollectorConfiguration,
    text: `version: 1
listen: 127.0.0.1:4318
data: /var/lib/farpoint
limits: { body: 16MiB, future: 1h, labels: 32 }
keys:
  - { id: k1, sha256: '3f1c0000000000000000000000000000000000000000000000000000000000a1', agents: [eu-west], regions: [eu-west], expires: 2027-06-30 }
sinks:
  - { name: tsdb, type: prometheus, url: 'http://127.0.0.1:9090/api/v1/write', auth: { bearer: "SECRET" } }
  - { name: own, type: prometheus, url: 'http://127.0.0.1:9090/api/v1/write', auth: { basic: { username: me, password: "SECRET" } } }
log: { level: info }
`,
  },
};

/** What loading tells: its mistakes, as text and as data, or the configuration in every way one might print it. */
function told(part: keyof typeof parts, text: string): { failed: boolean; text: string } {
  const file = join(folder, `${part}.yaml`);
  writeFileSync(file, text);
  const references = { env: { TEST_SECRET: word }, resolve: true };
  try {
    return { failed: false, text: print(parts[part].load(file, references)) };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return { failed: true, text: print(error) };
  }
}

function print(value: unknown): string {
  const lines: string[] = [];
  const log = createLog({ level: 'info', destination: { write: (line) => void lines.push(line) } });
  log.info({ value, error: value }, 'loaded');
  const text = value instanceof Error ? `${value.message}\n${value.stack}` : String(value);
  return [JSON.stringify(value), inspect(value, { depth: 20 }), text, ...lines].join('\n');
}

describe.each(['agent', 'collector'] as const)('%s', (part) => {
  const { text } = parts[part];

  test.each(['${env:TEST_SECRET}', word])(
    'a configuration with %s loads and never shows it',
    (secret) => {
      const { failed, text: shown } = told(part, text.replaceAll('SECRET', secret));
      expect(failed).toBe(false);
      expect(shown).not.toContain(word);
    },
  );

  test('put in place of any value, it is in no mistake', () => {
    const count = scalarCount(text);
    const failures = Array.from({ length: count }, (_, index) => index).filter((index) => {
      const { failed, text: shown } = told(part, withReferenceAt(text, index));
      if (failed) expect(shown).not.toContain(word);
      return failed;
    });
    expect(failures.length).toBeGreaterThan(10);
  });

  test('written out, it is in no mistake of syntax, wherever a character is missing', () => {
    const written = text.replaceAll('"SECRET"', word);
    let failures = 0;
    for (let index = 0; index < written.length; index += 3) {
      const damaged = written.slice(0, index) + written.slice(index + 1);
      if (!damaged.includes(word)) continue;
      const { failed, text: shown } = told(part, damaged);
      if (!failed) continue;
      failures++;
      expect(shown, damaged).not.toContain(word);
    }
    expect(failures).toBeGreaterThan(30);
  });
});

function scalarCount(text: string): number {
  let count = 0;
  visit(parseDocument(text), { Scalar: (key) => void (key === 'key' || count++) });
  return count;
}

function withReferenceAt(text: string, index: number): string {
  const document = parseDocument(text);
  let seen = 0;
  visit(document, {
    Scalar: (key, node) => {
      if (key !== 'key' && seen++ === index && isScalar(node)) {
        node.value = '${env:TEST_SECRET}';
        node.type = 'QUOTE_SINGLE';
      }
    },
  });
  return document.toString();
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runFarpoint } from '../support/run-farpoint.ts';

test('without a command it shows what there is, as a mistake of usage', () => {
  const { code, output, errors } = runFarpoint([]);
  expect(code).toBe(2);
  expect(output).toBe('');
  expect(errors).toMatch(/^farpoint <command>/);
  for (const command of ['validate', 'schema', 'key'])
    expect(errors).toContain(`farpoint ${command}`);
});

test.each(['--help', '-h'])('%s is no mistake', (option) => {
  const { code, output } = runFarpoint([option]);
  expect(code).toBe(0);
  expect(output).toMatch(/^farpoint <command>/);
});

test.each(['--version', '-V'])('%s is the one of the package', (option) => {
  const manifest = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
  expect(runFarpoint([option])).toEqual({
    code: 0,
    output: `${JSON.parse(manifest).version}\n`,
    errors: '',
  });
});

test.each([
  [['vlidate'], /there is no command vlidate \(did you mean validate\?\)/],
  [['xyzzy'], /there is no command xyzzy$/m],
  [['validate', 'x.yaml', '--against', 'a', '--against', 'b'], /give --against only once/],
  [
    ['key', 'new', '--expires', '2027-06-30', '--expires', '2027-07-30'],
    /give --expires only once/,
  ],
  [['validate', '--resolv', 'x.yaml'], /Unknown argument: resolv/],
  [['validate'], /name a configuration to validate/],
  [['schema'], /an argument is missing/],
  [['validate', '-c'], /^farpoint: -c needs a value$/m],
  [['key', 'new', '--scope', 'read', '--expires', '2020-01-01'], /never be valid/],
  [['key', 'new', '--expires'], /^farpoint: --expires needs a value$/m],
  [['schema', 'agnet'], /agent/],
  [['key', 'new'], /--agent NAME --region NAME/],
  [['key', 'new', '--agent', 'a'], /--agent NAME --region NAME/],
  [['key', 'new', '--stranger', '--scope', 'read'], /no agent, region or scope/],
  [['key', 'new', '--agent', 'a b', '--region', 'r'], /"a b" is no name/],
  [['key', 'new', '--agent', 'a', '--region', 'r', '--expires', 'soon'], /2027-06-30/],
])('farpoint %j is a mistake of usage that says what to do', (args, message) => {
  const { code, output, errors } = runFarpoint(args);
  expect(code).toBe(2);
  expect(output).toBe('');
  expect(errors).toMatch(message);
  expect(errors).toMatch(/\nSee farpoint (?:(?:validate|schema|key) )?--help\.\n$/);
  expect(errors).not.toMatch(/\n {4}at /);
});

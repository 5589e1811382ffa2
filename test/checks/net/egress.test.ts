import { expect, test } from 'vitest';
import { createEgressPolicy, egressSettings } from '#checks/net/egress';

const byDefault = createEgressPolicy(egressSettings.parse({}));

test.each([
  ['169.254.169.254', 'cloud metadata'],
  ['169.254.0.1', 'link-local'],
  ['fe80::1', 'link-local, IPv6'],
  ['fe80::1%eth0', 'link-local with a zone'],
  ['fd00:ec2::254', 'AWS over IPv6'],
  ['100.100.100.200', 'Alibaba'],
  ['::ffff:169.254.169.254', 'IPv4-mapped'],
  ['::ffff:a9fe:a9fe', 'IPv4-mapped, in hexadecimal'],
  ['::169.254.169.254', 'IPv4-compatible'],
  ['64:ff9b::a9fe:a9fe', 'NAT64'],
  ['2002:a9fe:a9fe::1', '6to4'],
])('denies %s by default: %s', (address) => {
  expect(byDefault(address, 80)?.verdict).toMatchObject({
    status: 'unknown',
    error: 'egress_denied',
  });
});

test.each(['127.0.0.1', '10.0.0.1', '192.0.2.1', '::1', '2001:db8::1', '64:ff9b::c000:201'])(
  'allows %s by default',
  (address) => {
    expect(byDefault(address, 443)).toBeUndefined();
  },
);

test('allow comes before deny, and before the defaults', () => {
  const policy = createEgressPolicy(
    egressSettings.parse({ allow: ['10.1.0.0/16', '169.254.169.254'], deny: ['10.0.0.0/8'] }),
  );
  expect(policy('10.1.2.3', 80)).toBeUndefined();
  expect(policy('10.2.2.3', 80)).toBeDefined();
  expect(policy('169.254.169.254', 80)).toBeUndefined();
  expect(policy('::ffff:10.2.2.3', 80)).toBeDefined();
});

test('ports, alone and with a network', () => {
  const policy = createEgressPolicy(
    egressSettings.parse({
      allow: [{ network: '10.0.0.0/8', ports: [443, '8000-8999'] }],
      deny: ['10.0.0.0/8', { ports: [25] }],
    }),
  );
  expect(policy('10.0.0.1', 443)).toBeUndefined();
  expect(policy('10.0.0.1', 8500)).toBeUndefined();
  expect(policy('10.0.0.1', 80)).toBeDefined();
  expect(policy('192.0.2.1', 25)).toBeDefined();
  expect(policy('192.0.2.1', 26)).toBeUndefined();
});

test.each([
  '10.0.0.0/33',
  'example.org',
  '10.0.0.0/8/8',
  '',
  { ports: ['9-1'] },
  { ports: [70_000] },
])('refuses the rule %j', (rule) => {
  expect(egressSettings.safeParse({ deny: [rule] }).success).toBe(false);
});

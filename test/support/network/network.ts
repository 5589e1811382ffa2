import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import koffi from 'koffi';

/**
 * A small internet of network namespaces, without a route out: an agent's host, a router, and a
 * target's host behind it. Needs root and iproute2; nothing of the machine's own network is touched.
 */
export interface Network extends Disposable {
  readonly near: Host;
  readonly router: Host;
  readonly far: Host;
}

export class Host {
  readonly namespace: string;
  /** Its addresses, the router's on the near side. */
  readonly address: Readonly<Record<4 | 6, string>>;

  constructor(namespace: string, address: Readonly<Record<4 | 6, string>>) {
    this.namespace = namespace;
    this.address = address;
  }

  /** Runs a command there; the words are split at blanks. */
  run(command: string): string {
    const words = command.split(/\s+/);
    return execFileSync('ip', ['netns', 'exec', this.namespace, ...words], { encoding: 'utf8' });
  }

  /** Sets a variable of its network, for example `net.ipv4.ping_group_range`. */
  sysctl(name: string, value: string): void {
    using _there = this.enter();
    writeFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, value);
  }

  /** Replaces the host's whole rule set, as `nft -f` reads it; empty lets everything through. */
  filter(rules: string): void {
    const table = rules && `table inet test {\n${rules}\n}`;
    const input = `flush ruleset\n${table}\n`;
    execFileSync('ip', ['netns', 'exec', this.namespace, 'nft', '-f', '-'], { input });
  }

  /** Moves this thread there, with every socket it opens and process it starts, until disposed. */
  enter(): Disposable {
    const home = openSync('/proc/self/ns/net', 'r');
    setNamespace(`/run/netns/${this.namespace}`);
    return {
      [Symbol.dispose]: () => {
        moveTo(home);
        closeSync(home);
      },
    };
  }
}

const setns = koffi.load(null).func('int setns(int, int)');
const CLONE_NEWNET = 0x40000000;

function setNamespace(path: string): void {
  const fd = openSync(path, 'r');
  moveTo(fd);
  closeSync(fd);
}

function moveTo(fd: number): void {
  if (setns(fd, CLONE_NEWNET) !== 0) throw new Error(`setns: errno ${koffi.errno()}`);
}

let opened = 0;

/** Builds the network; disposing of it removes its namespaces, by their names. */
export function openNetwork(): Network {
  const prefix = `farpoint-${process.pid}-${opened++}`;
  const near = new Host(`${prefix}-near`, { 4: '10.89.1.2', 6: 'fd89:1::2' });
  const router = new Host(`${prefix}-router`, { 4: '10.89.1.1', 6: 'fd89:1::1' });
  const far = new Host(`${prefix}-far`, { 4: '10.89.2.2', 6: 'fd89:2::2' });
  const hosts = [near, router, far];
  using undo = new DisposableStack();
  for (const { namespace } of hosts) {
    execFileSync('ip', ['netns', 'add', namespace]);
    undo.defer(() => execFileSync('ip', ['netns', 'delete', namespace]));
  }
  for (const host of hosts) {
    host.run('ip link set lo up');
    host.sysctl('net.ipv4.ip_forward', '1');
    host.sysctl('net.ipv6.conf.all.forwarding', '1');
    host.sysctl('net.ipv6.conf.default.accept_dad', '0');
    // By itself the kernel sends few ICMP errors to one host, and few to all, those of other tests included.
    host.sysctl('net.ipv4.icmp_ratemask', '0');
    host.sysctl('net.ipv6.icmp.ratemask', '\n');
  }
  connect(near, router, { link: 'left', subnet: 1 });
  connect(far, router, { link: 'right', subnet: 2 });
  const removal = undo.move();
  return { near, router, far, [Symbol.dispose]: () => removal.dispose() };
}

function connect(
  host: Host,
  router: Host,
  { link, subnet }: { readonly link: string; readonly subnet: number },
): void {
  host.run(`ip link add wan type veth peer name ${link} netns ${router.namespace}`);
  const ends = [
    [host, 'wan', 2],
    [router, link, 1],
  ] as const;
  for (const [end, device, number] of ends) {
    end.run(`ip link set ${device} up`);
    end.run(`ip address add 10.89.${subnet}.${number}/24 dev ${device}`);
    end.run(`ip -6 address add fd89:${subnet}::${number}/64 dev ${device}`);
  }
  host.run(`ip route add default via 10.89.${subnet}.1`);
  host.run(`ip -6 route add default via fd89:${subnet}::1`);
}

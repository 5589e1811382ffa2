import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Host } from './network.ts';

const prefix = 'farpoint-world';
const subnet = '10.90.0';

/**
 * Hosts in network namespaces of their own on one bridge, which is in a namespace too, without a route
 * out. Those far away are connected once test/programs/distance.ts runs with `wires`. Names given to `name` are known to every host, as by a name server. Needs root and iproute2.
 */
export class RegionNetwork implements Disposable {
  readonly #hosts = new Map<string, Host>();
  readonly #undo = new DisposableStack();
  readonly #hub: Host;
  /** Of the bridge, by the host that sends. */
  readonly #rules = new Map<string, string>();
  /** Pairs of devices. */
  readonly wires: readonly string[];

  constructor({
    near,
    far,
  }: {
    readonly near: readonly string[];
    readonly far: readonly string[];
  }) {
    removeAbandoned();
    this.#hub = this.#add('hub', `${subnet}.1`);
    this.#hub.run('ip link add bridge type bridge');
    this.#hub.run('ip link set bridge up');
    for (const [index, name] of near.entries()) this.#attach(name, index + 10, 'veth');
    for (const [index, name] of far.entries()) this.#attach(name, index + 50, 'tap');
    this.wires = far.map(
      (name) => `${this.host(name).namespace}:wan=${this.#hub.namespace}:to-${name}`,
    );
  }

  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`there is no host ${name}`);
    return host;
  }

  /** A command there: words to start a process with. */
  within(name: string, command: readonly string[]): readonly string[] {
    return ['ip', 'netns', 'exec', this.host(name).namespace, ...command];
  }

  /** What names mean from now on, everywhere, also to programs that run already. */
  name(addresses: Readonly<Record<string, string>>): void {
    const lines = Object.entries(addresses).map(([name, address]) => `${address} ${name}`);
    for (const { namespace } of this.#hosts.values()) {
      // In place: what is mounted over /etc/hosts there is this very file.
      writeFileSync(
        join('/etc/netns', namespace, 'hosts'),
        `127.0.0.1 localhost\n${lines.join('\n')}\n`,
      );
    }
  }

  /** Gives a host another address; the one before is nobody's. */
  move(name: string, number: number): string {
    const host = this.host(name);
    host.run('ip address flush dev wan');
    host.run(`ip address add ${subnet}.${number}/24 dev wan`);
    return `${subnet}.${number}`;
  }

  /**
   * What becomes of the host's packets to another on their way, in nft's words, instead of what was said
   * before: `drop` is a partition, in this direction only.
   */
  onTheWay(from: string, to: string, verdict: string | undefined): void {
    const match = `iifname "to-${from}" oifname "to-${to}" ether type ip`;
    if (verdict === undefined) this.#rules.delete(match);
    else this.#rules.set(match, verdict);
    const rules = [...this.#rules].map((rule) => rule.join(' ')).join('\n');
    const chain = `chain forward {\ntype filter hook forward priority 0;\n${rules}\n}`;
    execFileSync('ip', ['netns', 'exec', this.#hub.namespace, 'nft', '-f', '-'], {
      input: `flush ruleset\ntable bridge world {\n${chain}\n}\n`,
    });
  }

  [Symbol.dispose](): void {
    this.#undo.dispose();
  }

  #add(name: string, address: string): Host {
    const namespace = `${prefix}-${process.pid}-${name}`;
    const settings = join('/etc/netns', namespace);
    this.#undo.defer(() => removeNamespace(namespace));
    mkdirSync(settings, { recursive: true });
    writeFileSync(join(settings, 'hosts'), '127.0.0.1 localhost\n');
    execFileSync('ip', ['netns', 'add', namespace]);
    const host = new Host(namespace, { 4: address, 6: '' });
    host.run('ip link set lo up');
    return host;
  }

  #attach(name: string, number: number, kind: 'veth' | 'tap'): void {
    const host = this.#add(name, `${subnet}.${number}`);
    this.#hosts.set(name, host);
    if (kind === 'veth') {
      host.run(`ip link add wan type veth peer name to-${name} netns ${this.#hub.namespace}`);
    } else {
      host.run('ip tuntap add dev wan mode tap');
      this.#hub.run(`ip tuntap add dev to-${name} mode tap`);
    }
    host.run('ip link set wan up');
    host.run(`ip address add ${host.address[4]}/24 dev wan`);
    this.#hub.run(`ip link set to-${name} master bridge`);
    this.#hub.run(`ip link set to-${name} up`);
  }
}

/** What a test that was killed has left behind. */
function removeAbandoned(): void {
  const listed = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  for (const [, namespace = '', pid] of listed.matchAll(/^(farpoint-world-(\d+)-\S+)/gm)) {
    if (!existsSync(`/proc/${pid}`)) removeNamespace(namespace);
  }
}

function removeNamespace(namespace: string): void {
  rmSync(join('/etc/netns', namespace), { recursive: true, force: true });
  if (existsSync(`/run/netns/${namespace}`)) execFileSync('ip', ['netns', 'delete', namespace]);
}

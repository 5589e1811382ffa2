import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
export const debian = 'docker.io/library/debian:bookworm-slim';
export const node = 'docker.io/library/node:24-bookworm-slim';

/** As docs/deploy.md and the compose file have it. */
export const confinement = [
  '--read-only',
  '--read-only-tmpfs=false',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
  '--memory=256m',
  '--pids-limit=64',
];

/** What a command in the engine said. */
export interface Said {
  readonly code: number | null;
  readonly output: string;
}

/**
 * A podman of its own, with all its images and containers in one folder: a temporary one, or the one
 * that FARPOINT_TEST_ENGINE names, whose images are kept for the next. Needs root, podman, runc and
 * mmdebstrap. Nothing is pulled: Debian's base image is made from Debian's packages, and Node's from
 * that and the Node.js that runs this.
 */
export class Engine implements Disposable {
  readonly directory: string;
  readonly #kept = process.env['FARPOINT_TEST_ENGINE'];

  constructor() {
    this.directory = this.#kept ?? mkdtempSync(join(tmpdir(), 'farpoint-podman-'));
    mkdirSync(this.directory, { recursive: true });
    writeFileSync(this.#file('containers.conf'), containersConf);
    writeFileSync(this.#file('storage.conf'), storageConf(this.directory));
    if (this.#kept !== undefined) this.#removeContainers();
  }

  /** What leads a podman to this folder. */
  get environment(): Readonly<Record<string, string>> {
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.directory,
      TMPDIR: this.directory,
      CONTAINERS_CONF: this.#file('containers.conf'),
      CONTAINERS_STORAGE_CONF: this.#file('storage.conf'),
    };
  }

  /** Builds the project's image from docker/Dockerfile, unchanged, over stand-in base images. */
  buildImage(tag: string): void {
    if (this.try(['image', 'exists', node]).code !== 0) {
      this.#importDebian();
      this.#buildNode();
    }
    this.podman([
      'build',
      '--network=host',
      '--format=docker',
      '--tag',
      tag,
      '--file',
      'docker/Dockerfile',
      '.',
    ]);
  }

  /** Runs podman to its end; throws with what it said where it fails. */
  podman(args: readonly string[]): string {
    const { code, output } = this.try(args);
    if (code !== 0) throw new Error(`podman ${args.join(' ')}: exit ${code}\n${output}`);
    return output.trim();
  }

  /** Runs podman to its end, whatever that is. */
  try(args: readonly string[]): Said {
    const { status, stdout, stderr } = spawnSync('podman', args, {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
      env: this.environment,
    });
    return { code: status, output: status === 0 ? stdout : `${stdout}${stderr}` };
  }

  [Symbol.dispose](): void {
    this.#removeContainers();
    spawnSync('umount', [this.#file('graph/overlay')]);
    if (this.#kept === undefined) rmSync(this.directory, { recursive: true, force: true });
  }

  /** Those that others depend on, too. Podman gives up on what another podman holds at the moment: then once more. */
  #removeContainers(): void {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const { output } = this.try(['rm', '--all', '--force', '--depend', '--volumes', '--time=1']);
      if (this.podman(['ps', '--all', '--quiet']) === '') return;
      process.stderr.write(`podman rm --all left containers: ${output}\n`);
    }
  }

  #importDebian(): void {
    const archive = this.#file('debian.tar');
    const excluded = ['doc', 'man', 'locale'].map(
      (name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`,
    );
    const mirror = process.env['FARPOINT_TEST_DEBIAN'] ?? 'http://deb.debian.org/debian';
    execFileSync(
      'mmdebstrap',
      [
        '--quiet',
        '--variant=minbase',
        '--include=ca-certificates',
        ...excluded,
        'bookworm',
        archive,
        mirror,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.podman(['import', '--quiet', archive, debian]);
    rmSync(archive);
  }

  #buildNode(): void {
    const context = this.#file('node');
    const local = join(context, 'files/usr/local');
    mkdirSync(join(local, 'bin'), { recursive: true });
    cpSync(process.execPath, join(local, 'bin/node'));
    cpSync(npmFolder(), join(local, 'lib/node_modules/npm'), { recursive: true });
    // Whatever certificate authorities reach the package registry from here, reach it from the build.
    cpSync(
      process.env['NODE_EXTRA_CA_CERTS'] ?? '/etc/ssl/certs/ca-certificates.crt',
      join(context, 'files/etc/ssl/certs/ca-certificates.crt'),
      { dereference: true },
    );
    writeFileSync(join(context, 'Dockerfile'), nodeDockerfile);
    this.podman(['build', '--network=host', '--tag', node, context]);
    rmSync(context, { recursive: true });
  }

  #file(name: string): string {
    return join(this.directory, name);
  }
}

/** As small as a container's own cgroup and ulimits allow in machines that are containers themselves. */
const containersConf = `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[network]
network_backend = "netavark"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
`;

function storageConf(directory: string): string {
  return `[storage]\ndriver = "overlay"\ngraphroot = "${directory}/graph"\nrunroot = "${directory}/run"\n`;
}

const nodeDockerfile = `FROM ${debian}
COPY files/ /
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
`;

/** The npm that is on the PATH, as a folder. */
function npmFolder(): string {
  const command = execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
  return dirname(createRequire(realpathSync(command)).resolve('npm/package.json'));
}

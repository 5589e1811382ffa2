import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { debian, type Engine, node } from './image.ts';

/**
 * Makes what docker/compose.yaml would pull: the real VictoriaMetrics, vmalert and nginx, of Debian's versions, and
 * for Grafana, which no package ships, a stand-in that says so: it starts only with what Grafana needs
 * (its password, its provisioning, as its user), and tells at / whether it reaches the backend.
 */
export function makeStandIns(engine: Engine, wanted: RegExp = /./): void {
  for (const { image, dockerfile, files } of standIns.filter(({ image }) => wanted.test(image))) {
    const context = join(engine.directory, 'stand-in');
    mkdirSync(context);
    writeFileSync(join(context, 'Dockerfile'), dockerfile);
    for (const [name, { text, path }] of Object.entries(files)) {
      if (text !== undefined) writeFileSync(join(context, name), text);
      if (path !== undefined) cpSync(path, join(context, name), { dereference: true });
    }
    engine.podman(['build', '--network=host', '--tag', image, context]);
    rmSync(context, { recursive: true });
  }
}

interface StandIn {
  readonly image: string;
  readonly dockerfile: string;
  readonly files: Readonly<Record<string, { readonly text?: string; readonly path?: string }>>;
}

const grafana = `
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
const { FARPOINT_METRICS_URL: backend, GF_SECURITY_ADMIN_PASSWORD__FILE: password } = process.env;
const provisioning = readdirSync('/etc/grafana/provisioning').sort();
if (readFileSync(password, 'utf8').length < 32) throw new Error('what is this password?');
process.on('SIGTERM', () => process.exit());
createServer(async (_, response) => {
  const { status } = await fetch(backend + '/health');
  response.end(JSON.stringify({ standInFor: 'Grafana', backend: status, provisioning }));
}).listen(3000);
`;

const standIns: readonly StandIn[] = [
  {
    image: 'docker.io/victoriametrics/victoria-metrics:v1.122.0',
    dockerfile: `FROM ${debian}\nCOPY victoria-metrics /\nENTRYPOINT ["/victoria-metrics"]\n`,
    files: { 'victoria-metrics': { path: '/usr/bin/victoria-metrics' } },
  },
  {
    image: 'docker.io/victoriametrics/vmalert:v1.122.0',
    dockerfile: `FROM ${debian}\nCOPY vmalert /\nENTRYPOINT ["/vmalert"]\n`,
    files: { vmalert: { path: '/usr/bin/vmalert' } },
  },
  {
    image: 'docker.io/library/nginx:1.28',
    dockerfile: `FROM ${debian}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light && rm -rf /var/lib/apt/lists
STOPSIGNAL SIGQUIT
`,
    files: {},
  },
  {
    image: 'docker.io/grafana/grafana:12.1.0',
    dockerfile: `FROM ${node}\nCOPY grafana.mjs /\nUSER 472:0\nCMD ["node", "/grafana.mjs"]\n`,
    files: { 'grafana.mjs': { text: grafana } },
  },
];

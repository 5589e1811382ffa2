import { existsSync } from 'node:fs';
import { agentHealth, collectorHealth, type Health } from './health/ask.ts';
import { dataDirectoryOf, listenerOf } from './health/place.ts';
import { defineCommand } from './command.ts';
import { configurationFile, namedFile } from './configuration-file.ts';
import { kindOfFile } from './validate/kind.ts';

const installed = ['/etc/farpoint/agent.yaml', '/etc/farpoint/collector.yaml'];

/**
 * Says in a sentence whether the agent or the collector of a configuration is at work; for container
 * health checks and probes. Without a file: whichever of the two installed ones is.
 */
export const command = defineCommand({
  options: (parser) =>
    configurationFile(parser).epilogue(
      'Exit code 0: at work. 1: not. An agent whose collector is away is at work: it keeps its results.',
    ),
  async run(options, signal) {
    const named = namedFile(options);
    const files = named === undefined ? installed.filter((file) => existsSync(file)) : [named];
    const answers: Health[] = [];
    for (const file of files) answers.push(await ask(file, signal));
    const healthy = answers.find((answer) => answer.healthy);
    const said = healthy === undefined ? answers : [healthy];
    const none = `there is no configuration: neither ${installed.join(' nor ')}`;
    process.stdout.write(`${said.map(({ sentence }) => sentence).join('\n') || none}\n`);
    return healthy === undefined ? 1 : 0;
  },
});

function ask(file: string, signal: AbortSignal): Promise<Health> {
  return kindOfFile(file) === 'agent'
    ? agentHealth(dataDirectoryOf(file))
    : collectorHealth(listenerOf(file), signal);
}

import { runAgent } from '#agent/agent';
import { loadAgentConfiguration } from '#agent/config';
import { createSystemClock } from '#lib/clock';
import { createLog } from '#lib/log';
import { defineCommand } from './command.ts';
import { chosenFile, configurationFile, processReferences } from './configuration-file.ts';
import { readVersion } from './version.ts';

/** Runs the checks of one region and delivers what they saw, until it is told to stop. */
export const command = defineCommand({
  options: (parser) => configurationFile(parser),
  async run(options, signal) {
    const configuration = loadAgentConfiguration(chosenFile(options, 'agent'), processReferences);
    const { name, region, log: settings } = configuration;
    const log = createLog({ ...settings, fields: { agent: name, region } });
    const clock = createSystemClock();
    await runAgent({ configuration, version: readVersion(), clock, log }, signal);
    log.info({}, 'the agent has stopped');
    return 0;
  },
});

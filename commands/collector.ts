import { once } from 'node:events';
import { hostname } from 'node:os';
import { createLookup } from '#checks/net/lookup';
import { type Collector, startCollector } from '#collector/collector';
import { loadCollectorConfiguration } from '#collector/config';
import { watchFiles } from '#collector/watch';
import { createSystemClock } from '#lib/clock';
import { createLog, type Logger } from '#lib/log';
import { defineCommand } from './command.ts';
import { chosenFile, configurationFile, processReferences } from './configuration-file.ts';
import { readVersion } from './version.ts';

/** Receives, keeps and forwards results until it is told to stop. Keys that change in the file are used at once. */
export const command = defineCommand({
  options: (parser) => configurationFile(parser),
  async run(options, signal) {
    const file = chosenFile(options, 'collector');
    const configuration = loadCollectorConfiguration(file, processReferences);
    const name = configuration.name ?? hostname();
    const log = createLog({ ...configuration.log, fields: { collector: name } });
    const version = readVersion();
    const clock = createSystemClock();
    await using collector = await startCollector({
      configuration,
      clock,
      log,
      version,
      name,
      createLookup,
    });
    const { keys, dataDirectory } = configuration;
    const summary = { url: collector.url, version, data: dataDirectory, keys: keys.length };
    log.info({ ...summary, waiting: collector.backlog() }, 'the collector is ready');
    using _watch = watchFiles([file], () => reloadKeys(file, collector, log));
    if (!signal.aborted) await once(signal, 'abort');
    log.info('the collector stops');
    return 0;
  },
});

function reloadKeys(file: string, collector: Collector, log: Logger): void {
  try {
    const { keys } = loadCollectorConfiguration(file, processReferences);
    collector.replaceKeys(keys);
    log.info({ keys: keys.length }, 'using the keys of the changed file; the rest needs a restart');
  } catch (error) {
    log.error({ error }, 'cannot use the changed file; everything goes on as before');
  }
}

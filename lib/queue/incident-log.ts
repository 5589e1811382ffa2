import type { Clock } from '#lib/clock';
import type { Logger } from '#lib/log';
import { Throttle } from '#lib/throttle';
import type { QueueIncident } from './incident.ts';

/** A full queue drops with every append; that is said once in this time for each consumer. */
const repeatMs = 60_000;

/** Says in the log what the queue met, under the name that its owner has for it (`outbox`). */
export function createIncidentLog(
  queue: string,
  clock: Clock,
  log: Logger,
): (incident: QueueIncident) => void {
  const drops = new Throttle(repeatMs, clock);
  return (incident) => {
    const { kind, ...fields } = incident;
    switch (kind) {
      case 'dropped':
        if (drops.admits(incident.consumer)) {
          log.error(fields, `the ${queue} is full: what is oldest is dropped`);
        }
        return;
      case 'damaged':
        log.error(fields, `a part of the ${queue} is damaged and lost; its file is kept aside`);
        return;
      case 'poisoned':
        log.error(fields, `the disk refused to write the ${queue}; going on in a new file`);
        return;
      case 'positions_damaged':
        log.warn(fields, `the ${queue} forgot what was delivered: some of it is delivered again`);
        return;
      case 'torn':
        log.info(fields, `cut off what was being written to the ${queue} when the process died`);
        return;
      case 'forgotten':
        log.warn(fields, `the ${queue} gave up what waited for a consumer that is no longer there`);
        return;
      case 'trouble':
        log.warn(fields, `trouble with the ${queue}; it is tried again`);
    }
  };
}

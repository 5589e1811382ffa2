import { type Clock } from '#lib/clock';
import { type Logger } from '#lib/log';
import { type QueueIncident } from '#lib/queue/queue';

/** A full outbox drops with every write; that is said once in this time. */
const repeatMs = 60_000;

/** Says in the log what the queue under the outbox met. */
export function createIncidentLog(clock: Clock, log: Logger): (incident: QueueIncident) => void {
  let droppedUntilMs = -Infinity;
  return (incident) => {
    const { kind, ...fields } = incident;
    switch (kind) {
      case 'dropped':
        if (clock.monotonicMs() < droppedUntilMs) return;
        droppedUntilMs = clock.monotonicMs() + repeatMs;
        log.error(fields, 'the outbox is full: the oldest results are dropped');
        return;
      case 'damaged':
        log.error(fields, 'a part of the outbox is damaged and lost; its file is kept aside');
        return;
      case 'poisoned':
        log.error(fields, 'the disk refused to write the outbox; going on in a new file');
        return;
      case 'positions_damaged':
        log.warn(fields, 'the outbox forgot what was sent: some results are sent again');
        return;
      case 'torn':
        log.info(fields, 'cut off what was being written to the outbox when the agent died');
        return;
      case 'forgotten':
      case 'trouble':
        log.warn(fields, 'trouble with the outbox');
    }
  };
}

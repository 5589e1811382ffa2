import { z } from 'zod';
import { agentShape } from '#agent/config/schema';
import { collectorShape } from '#collector/config/schema';
import { ConfigurationReading, type Section } from '#lib/configuration';
import { processReferences } from '../configuration-file.ts';

const { data } = agentShape.agent.shape;
const agentPlace = z.looseObject({ agent: z.looseObject({ data }).prefault({}) });
const { listen, tls } = collectorShape;
const collectorPlace = z.looseObject({ listen, tls });

/** Where a collector listens. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

/** An agent's data folder; nothing else of its file is looked at, so that no secret need be readable. */
export function dataDirectoryOf(file: string): string {
  const { reading, section } = read(file, ['agent']);
  return (reading.validate(agentPlace, section) ?? reading.fail()).agent.data;
}

/** A collector's listener; nothing else of its file is looked at. */
export function listenerOf(file: string): Listener {
  const { reading, section } = read(file, ['listen', 'tls']);
  const place = reading.validate(collectorPlace, section) ?? reading.fail();
  return { ...place.listen, secure: place.tls !== undefined };
}

function read(
  file: string,
  keys: readonly string[],
): { readonly reading: ConfigurationReading; readonly section: Section } {
  const reading = new ConfigurationReading(processReferences);
  const top = reading.open(file) ?? reading.fail();
  const picked = reading.pick(top, (key) => keys.includes(key));
  return { reading, section: reading.substitute(picked) };
}

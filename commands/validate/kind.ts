import { readFileSync } from 'node:fs';
import { isMap, parseDocument } from 'yaml';

/** What a file configures, by the keys at its top; an agent where they do not tell, or it cannot be read. */
export function kindOfFile(file: string): 'agent' | 'collector' {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return 'agent';
  }
  const { contents } = parseDocument(text);
  const isCollector = isMap(contents) && collectorKeys.some((key) => contents.has(key));
  return isCollector ? 'collector' : 'agent';
}

const collectorKeys = ['listen', 'keys', 'sinks', 'fleet', 'limits', 'insecure'];

import type { Answer, Source } from '../inspect/examine.ts';
import { Failure } from '../net/failure.ts';
import type { Trace } from '../net/trace.ts';
import type { Asked } from './expect.ts';
import { extractedValue, valueBound } from './metrics.ts';
import { headerText, type Received } from './received.ts';
import type { ValueSettings } from './settings/values.ts';

/**
 * Every value to read, as a question; its answer becomes a measurement and meets its thresholds.
 * Without a body that can be read, only the values from headers are asked for.
 */
export function askValues(
  values: Readonly<Record<string, ValueSettings>>,
  parts: { readonly received: Received; readonly trace: Trace; readonly withBody: boolean },
): Asked[] {
  const { received, trace, withBody } = parts;
  const asked = Object.entries(values).filter(([, { header }]) => withBody || header !== undefined);
  return asked.map(([name, settings]) => ({
    isPattern: false,
    question: { source: sourceOf(settings, received), regex: settings.regex },
    judge: (answer) => {
      const value = readNumber(answer);
      if (typeof value === 'string') {
        return Failure.down('value_missing', `there is no value ${name}: ${value}`);
      }
      trace.measure(extractedValue, value, { name, unit: settings.unit });
      for (const bound of ['min', 'max'] as const) {
        const limit = settings.expect?.[bound];
        if (limit === undefined) continue;
        trace.measure(valueBound, limit, { name, unit: settings.unit, bound });
      }
      return judgeThresholds(name, value, settings);
    },
  }));
}

function sourceOf({ json, css, attribute, header }: ValueSettings, received: Received): Source {
  if (json !== undefined) return { kind: 'json', expression: json };
  if (css !== undefined) return { kind: 'css', selector: css, attribute };
  if (header === undefined) return { kind: 'body' };
  return { kind: 'text', text: headerText(received.response, header.toLowerCase()) };
}

/** The number, or why there is none. Text counts when all of it is one number, digits grouped or not. */
function readNumber(answer: Answer): number | string {
  if ('error' in answer) return answer.error;
  const { value } = answer;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === undefined || value === null) return 'nothing was found';
  if (typeof value !== 'string') return 'what was found is neither a number nor text';
  const text = value.trim().replace(/(?<=\d)[,\u00A0\u202F_'](?=\d{3}(\D|$))/g, '');
  // No two parts of the expression can share digits: a page of them would be tried in every split.
  if (/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  return `what was found, ${JSON.stringify(value.slice(0, 60))}, is not a number; pick it out with regex`;
}

function judgeThresholds(
  name: string,
  value: number,
  { expect }: ValueSettings,
): Failure | undefined {
  const { min, max } = expect ?? {};
  if (min !== undefined && value < min) {
    return Failure.down('value_threshold', `${name} is ${value}, expected at least ${min}`);
  }
  if (max !== undefined && value > max) {
    return Failure.down('value_threshold', `${name} is ${value}, expected at most ${max}`);
  }
  return undefined;
}

import { quotes } from '../bytes/byte-finder.ts';
import {
  AddressReader,
  NumberReader,
  type TimeForm,
  TimeReader,
  firstOfList,
  isEscaped,
  listSeparator,
  methodEnd,
} from './field-readers.ts';
import type { Field, Layout, Role } from './format.ts';
import { type LineParser, ParsedLine, numberSlots, spanSlots } from './line.ts';
import { clfLength, iso8601Length } from './timestamps.ts';

const quote = 0x22;
const dot = 0x2e;
const zero = 0x30;
const nine = 0x39;

/*
 * A layout becomes JavaScript: one function that goes once over the bytes of a line, with the literals
 * and slots of this layout written into it. Walking a list of steps instead takes nearly twice as long
 * (docs/decisions/013). Nothing of a configuration but numbers gets into the text of the function.
 *
 * What makes it exact and linear:
 *
 * - A field ends at the first occurrence of the whole literal that follows it; there is no going back.
 *   Where that literal starts with a quote, a quote behind an odd number of backslashes is part of the
 *   text (Apache and escape=json write `\"`; nginx itself writes `\x22`). Where a list of upstreams is
 *   followed by a space, the spaces of its separators do not end it.
 * - After the last field comes its literal and then the end of the line.
 */

/** Compiles a layout. `configured` names the fields whose numbers are kept besides those with a role. */
export function compileLayout(layout: Layout, configured: readonly string[]): LineParser {
  const line = new ParsedLine(configured.length);
  const times = new TimeReader();
  const tools = {
    line,
    quotes,
    times,
    numbers: new NumberReader(),
    addresses: new AddressReader(),
    isEscaped,
    firstOfList,
    listSeparator,
    methodEnd,
  };
  const source = sourceOf(layout, configured);
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval, typescript/no-unsafe-type-assertion -- see above
  const parse = new Function('tools', source)(tools) as LineParser['parse'];
  return {
    line,
    mayStall: false,
    begin: (bytes) => {
      line.bytes = bytes;
      quotes.begin(bytes);
      times.begin(bytes);
    },
    parse,
  };
}

function sourceOf(layout: Layout, configured: readonly string[]): string {
  const prefix = Buffer.from(layout.fields[0]?.before ?? '');
  const steps = layout.fields.map(({ field }, index) => {
    const literal = Buffer.from(layout.fields[index + 1]?.before ?? layout.after);
    return sourceOfField(field, literal, configured.indexOf(field.name));
  });
  return `
    const { line, quotes, times, numbers, addresses, isEscaped, firstOfList, listSeparator, methodEnd } = tools;
    const { spans, numbers: found } = line;
    return function parse(bytes, start, end) {
      let at = start;
      let stop = start;
      ${literalIsAtStop(prefix)}
      at = stop + ${prefix.length};
      ${steps.join('\n')}
      return at === end;
    };`;
}

/** Reads the field that starts at `at` and the literal behind it; leaves `at` behind both, or returns false. */
function sourceOfField(field: Field, literal: Buffer, configuredIndex: number): string {
  const configured = configuredIndex < 0 ? '' : `found[${numberSlots.first + configuredIndex}]`;
  return `
      ${sourceOfShape(field, literal, configured)}
      at = stop + ${literal.length};`;
}

function sourceOfShape({ shape, role }: Field, literal: Buffer, configured: string): string {
  switch (shape) {
    case 'text':
      if (role === 'client') return readClient(literal);
      return configured === ''
        ? `${stopAtLiteral(literal)} ${keepSpan(role)}`
        : `${stopAtLiteral(literal)} ${configured} = numbers.any(bytes, at, stop);`;
    case 'list':
      return stopBehindList(literal);
    case 'request':
      return `${stopAtLiteral(literal)} ${role === 'request' ? splitRequest : ''}`;
    case 'status':
      return `${stopAfter(3, literal)} ${readStatus(role)}`;
    case 'number':
      return readNumber(literal, role, configured);
    case 'numbers':
      return `
      stop = numbers.sumEnd(bytes, at, end);
      ${literalIsAtStop(literal)}
      ${keepNumber(role, configured)}`;
    case 'clf':
    case 'iso8601':
      return `${stopAfter(shape === 'clf' ? clfLength : iso8601Length, literal)} ${readTime(shape, role)}`;
    case 'unix':
      return `${stopAtLiteral(literal)} ${readTime(shape, role)}`;
  }
}

/** Returns false unless the literal is at `stop`. */
function literalIsAtStop(literal: Buffer): string {
  return literal.length === 0
    ? ''
    : `if (stop + ${literal.length} > end || !(${bytesAre(literal, 'stop')})) return false;`;
}

/** Whether the bytes at a place, which must be within the line, are those of the literal. */
function bytesAre(literal: Buffer, place: string): string {
  return [...literal].map((byte, index) => `bytes[${place} + ${index}] === ${byte}`).join(' && ');
}

/** Sets `stop` a number of bytes behind `at`, where the literal must be. */
function stopAfter(length: number, literal: Buffer): string {
  return `
      stop = at + ${length};
      if (stop > end) return false;
      ${literalIsAtStop(literal)}`;
}

/** Sets `stop` where the literal is next. */
function stopAtLiteral(literal: Buffer): string {
  if (literal.length === 0) return 'stop = end;';
  if (literal[0] === quote) {
    return `
      for (let from = at; ; from = stop + 1) {
        stop = quotes.next(from);
        if (stop + ${literal.length} > end) return false;
        if (${bytesAre(literal, 'stop')} && !isEscaped(bytes, at, stop)) break;
      }`;
  }
  return `
      for (stop = at; ; stop++) {
        if (stop + ${literal.length} > end) return false;
        if (${bytesAre(literal, 'stop')}) break;
      }`;
}

/** The same for a list, whose separators do not end it even where the literal is in them. */
function stopBehindList(literal: Buffer): string {
  return `
      for (stop = at; ; stop++) {
        const separator = listSeparator(bytes, stop, end);
        if (separator > 0) { stop += separator - 1; continue; }
        ${literal.length === 0 ? 'if (stop === end) break;' : ''}
        if (stop + ${Math.max(1, literal.length)} > end) return false;
        ${literal.length === 0 ? '' : `if (${bytesAre(literal, 'stop')}) break;`}
      }`;
}

/** Nearly every client is an IPv4 address, which ends by itself. Of a list (X-Forwarded-For) the first counts. */
function readClient(literal: Buffer): string {
  const follows = literal.length === 0 ? 'stop === end' : bytesAre(literal, 'stop');
  return `
      stop = addresses.end(bytes, at, end);
      line.hasAddress = stop > at && stop + ${literal.length} <= end && ${follows};
      if (!line.hasAddress) {
        ${stopAtLiteral(literal)}
      }
      if (stop === at) return false;
      { const firstEnd = line.hasAddress ? stop : firstOfList(bytes, at, stop);
        if (firstEnd < stop) line.hasAddress = addresses.end(bytes, at, firstEnd) === firstEnd;
        line.address = addresses.address;
        spans[${spanSlots.client}] = at;
        spans[${spanSlots.client + 1}] = firstEnd; }`;
}

function keepSpan(role: Role | undefined): string {
  if (role !== 'method' && role !== 'uri' && role !== 'connection') return '';
  const slot = spanSlots[role];
  return `
      if (stop === at) return false;
      spans[${slot}] = at; spans[${slot + 1}] = stop;`;
}

/** What is not `METHOD URI…` (a TLS hello on a plain port, an empty request) has neither method nor URI. */
const splitRequest = `
      { const space = methodEnd(bytes, at, stop);
        spans[${spanSlots.method}] = space > at ? at : -1;
        spans[${spanSlots.method + 1}] = space;
        spans[${spanSlots.uri}] = space > at ? space + 1 : -1;
        spans[${spanSlots.uri + 1}] = stop; }`;

function readStatus(role: Role | undefined): string {
  const digits = [100, 10, 1]
    .map((worth, index) => `(bytes[at + ${index}] - 48) * ${worth}`)
    .join(' + ');
  const isDigit = (index: number): string =>
    `bytes[at + ${index}] >= 48 && bytes[at + ${index}] <= 57`;
  return `
      if (!(${[0, 1, 2].map(isDigit).join(' && ')})) return false;
      ${role === 'status' ? `line.status = ${digits};` : ''}`;
}

/** Digits end by themselves; only a dash, or a literal that looks like part of a number, must be searched for. */
function readNumber(literal: Buffer, role: Role | undefined, configured: string): string {
  const search = `
        ${stopAtLiteral(literal)}
        if (!numbers.whole(bytes, at, stop)) return false;`;
  const first = literal[0];
  const partOfNumber = first !== undefined && (first === dot || (first >= zero && first <= nine));
  const fast = `
      stop = numbers.end(bytes, at, end);
      if (stop === at || stop + ${literal.length} > end || !(${bytesAre(literal, 'stop')} ${literal.length === 0 ? 'stop === end' : ''})) {
        ${search}
      }`;
  return `${partOfNumber ? search : fast} ${keepNumber(role, configured)}`;
}

function keepNumber(role: Role | undefined, configured: string): string {
  const kept = configured === '' ? '' : `${configured} = numbers.value(1);`;
  switch (role) {
    case 'sent':
      return `found[${numberSlots.sent}] = numbers.value(1); ${kept}`;
    case 'duration':
      return `found[${numberSlots.durationMs}] = numbers.value(1000); ${kept}`;
    case 'upstream':
      return `found[${numberSlots.upstreamMs}] = numbers.value(1000); ${kept}`;
    case 'connection':
      return `
      spans[${spanSlots.connection}] = numbers.isNone ? -1 : at;
      spans[${spanSlots.connection + 1}] = stop;
      ${kept}`;
    default:
      return kept;
  }
}

function readTime(form: TimeForm, role: Role | undefined): string {
  return `
      if (!times.read(bytes, at, stop, '${form}')) return false;
      ${role === 'time' ? `found[${numberSlots.timeMs}] = times.timeMs;` : ''}`;
}

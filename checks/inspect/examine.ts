import { type CheerioAPI, load } from 'cheerio/slim';
import jsonata from 'jsonata';
import { messageOf } from '#lib/error-message';
import { compilePattern } from './pattern.ts';
import { decodeText } from './text.ts';

/** Where the text or value in question is. */
export type Source =
  | { readonly kind: 'body' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'json'; readonly expression: string }
  | { readonly kind: 'css'; readonly selector: string; readonly attribute: string | undefined };

/** One thing to find out; with `regex`, what group 1 (or the whole match) of it is in the source. */
export interface Question {
  readonly source: Source;
  readonly regex?: string | undefined;
}

/** What was received, and everything to find out about it. */
export interface Examination {
  readonly body: Uint8Array;
  readonly charset: string;
  readonly questions: readonly Question[];
}

/** The value found (plain JSON), undefined when there is none, or why it could not be looked for. */
export type Answer = { readonly value: unknown } | { readonly error: string };

/** JSONata gives up after this; a regular expression is stopped from outside. */
const jsonataLimits = { timeout: 1000, stack: 1000, sequence: 1_000_000 };

/** Answers every question, in order. Text and JSON of the body are read once, when first asked for. */
export async function examine({ body, charset, questions }: Examination): Promise<Answer[]> {
  const document = new Document(body, charset);
  const answers: Answer[] = [];
  for (const question of questions) {
    try {
      answers.push({ value: await answer(question, document) });
    } catch (error) {
      answers.push({ error: messageOf(error) });
    }
  }
  return answers;
}

async function answer({ source, regex }: Question, document: Document): Promise<unknown> {
  const found = await look(source, document);
  if (regex === undefined || found === undefined) return found;
  const match = compilePattern(regex).exec(
    typeof found === 'string' ? found : JSON.stringify(found),
  );
  return match === null ? undefined : (match[1] ?? match[0]);
}

async function look(source: Source, document: Document): Promise<unknown> {
  switch (source.kind) {
    case 'body':
      return document.text;
    case 'text':
      return source.text;
    case 'json':
      return evaluate(source.expression, document.json);
    case 'css':
      return select(source, document.html);
  }
}

async function evaluate(expression: string, json: unknown): Promise<unknown> {
  const value: unknown = await jsonata(expression, jsonataLimits).evaluate(json);
  // JSONata marks its sequences with hidden properties, which no message port carries.
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value) ?? 'null');
}

function select(
  { selector, attribute }: { selector: string; attribute: string | undefined },
  $: CheerioAPI,
): string | undefined {
  const element = $(selector).first();
  if (element.length === 0) return undefined;
  return attribute === undefined ? element.text() : element.attr(attribute);
}

/** The body in the forms it can be asked about. */
class Document {
  readonly #body: Uint8Array;
  readonly #charset: string;
  #text: string | undefined;
  #json: { readonly value: unknown } | undefined;
  #html: CheerioAPI | undefined;

  constructor(body: Uint8Array, charset: string) {
    this.#body = body;
    this.#charset = charset;
  }

  get text(): string {
    return (this.#text ??= decodeText(this.#body, this.#charset));
  }

  get json(): unknown {
    this.#json ??= { value: parseJson(this.text) };
    return this.#json.value;
  }

  get html(): CheerioAPI {
    return (this.#html ??= load(this.text));
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`the body is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

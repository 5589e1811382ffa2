import { createRequire } from 'node:module';
import type * as Cheerio from 'cheerio/slim';
import type Jsonata from 'jsonata';
import { z } from 'zod';
import { messageOf } from '#lib/error-message';
import { compilePattern } from './pattern.ts';

const require = createRequire(import.meta.url);

/** A regular expression as written; compiled where it is used. */
export const pattern = z
  .string()
  .min(1)
  .superRefine((text, context) => explain(context, () => compilePattern(text)))
  .describe('Regular expression (JavaScript; a leading (?i), (?s) or (?m) sets a flag)');

/** A JSONata expression as written. */
export const jsonataExpression = z
  .string()
  .min(1)
  .superRefine((text, context) => explain(context, () => parseJsonata(text)))
  .describe('JSONata expression');

/** A CSS selector as written. */
export const selector = z
  .string()
  .min(1)
  .superRefine((text, context) => explain(context, () => parseSelector(text)))
  .describe('CSS selector');

function explain(context: z.RefinementCtx, compile: () => unknown): void {
  try {
    compile();
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) });
  }
}

/** The engines are loaded only by a configuration that uses them. */
function parseJsonata(text: string): void {
  const jsonata: typeof Jsonata = require('jsonata');
  jsonata(text);
}

function parseSelector(text: string): void {
  const { load }: typeof Cheerio = require('cheerio/slim');
  load('')(text);
}

#!/usr/bin/env node
// Plain old JavaScript, so that an old Node.js says what is wrong instead of a syntax error.
if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error('farpoint needs Node.js 24 or newer, and this is ' + process.version + '.');
  console.error(
    'In a checkout, run it as "npx farpoint" after "npm ci": that uses the pinned runtime.',
  );
  process.exit(2);
}
const { enableCompileCache } = await import('node:module');
const { existsSync } = await import('node:fs');
enableCompileCache();
const source = new URL('../commands/main.ts', import.meta.url);
await import(
  existsSync(source) ? source.href : new URL('../dist/commands/main.js', import.meta.url).href
);

/**
 * Makes what is published: JavaScript in dist/, with the same tree as the sources, since Node.js
 * strips no types under node_modules. `npm pack` then takes bin/, dist/ and the documents.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
for (const file of globSync('**/*.js', { cwd: dist })) pointWorkersAtJavaScript(join(dist, file));
for (const file of globSync('{agent,checks,collector,commands,demo,lib}/**/*.{json,yaml,sql}', {
  cwd: root,
})) {
  cpSync(join(root, file), join(dist, file));
}
writeFileSync(join(dist, 'package.json'), JSON.stringify(distPackage(), undefined, 2));

/** TypeScript rewrites the extension in imports, but not in `new URL('./worker.ts', import.meta.url)`. */
function pointWorkersAtJavaScript(file: string): void {
  const before = readFileSync(file, 'utf8');
  const after = before.replaceAll(/(new URL\('[^']+)\.ts'(, import\.meta\.url\))/g, "$1.js'$2");
  if (after !== before) writeFileSync(file, after);
}

/** The nearest package.json of the built files: the same imports, now of JavaScript. */
function distPackage(): object {
  const { name, version, imports } = readPackage();
  const entries = Object.entries(imports).map(([from, to]) => [from, to.replace(/\.ts$/, '.js')]);
  return { name, version, type: 'module', private: true, imports: Object.fromEntries(entries) };
}

function readPackage(): { name: string; version: string; imports: Record<string, string> } {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
}

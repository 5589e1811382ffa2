/**
 * Makes few files of the many in dist/ and of the packages they need, for the image: it starts sooner and
 * takes less memory (docs/decisions). What is native stays a package. Needs `npm run build` before.
 */
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { rolldown, type Plugin } from 'rolldown';

const dist = join(import.meta.dirname, '../dist');
const whole = `${dist}.whole`;

rmSync(whole, { recursive: true, force: true });
renameSync(dist, whole);
mkdirSync(dist);
const bundle = await rolldown({
  input: join(whole, 'commands/main.js'),
  platform: 'node',
  external: ['koffi', 'snappy'],
  plugins: [filesBesideModules()],
});
// All in one folder, so that what a module names beside itself is beside whatever file it ends up in.
await bundle.write({
  dir: join(dist, 'commands'),
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
});
renameSync(join(whole, 'package.json'), join(dist, 'package.json'));
rmSync(whole, { recursive: true });

/** Takes along the workers and data that modules open by `new URL('./…', import.meta.url)`. */
function filesBesideModules(): Plugin {
  return {
    name: 'files beside modules',
    transform(code, id) {
      if (!id.startsWith(whole)) return undefined;
      const moved = code.replaceAll(
        /new URL\('(?!\.\.\/package\.json)([^']+)', import\.meta\.url\)/g,
        (_, path: string) => {
          const file = join(dirname(id), path);
          const fileName = relative(whole, file).replaceAll('/', '-');
          if (file.endsWith('.js')) this.emitFile({ type: 'chunk', id: file, fileName });
          else this.emitFile({ type: 'asset', fileName, source: readFileSync(file) });
          return `new URL('./${fileName}', import.meta.url)`;
        },
      );
      // Without a `require` of the module's own, rolldown takes what it names along.
      return moved.replace('const require = createRequire(import.meta.url);', '');
    },
  };
}

import { expect, test } from 'vitest';
import { needs } from '../../support/needs.ts';
import { runFarpoint } from '../../support/run-farpoint.ts';

/** Is loaded before the program, whose call of C is then missing, as on a processor it is not built for. */
const withoutKoffi = `data:text/javascript,${encodeURIComponent(`
import { registerHooks } from 'node:module';
registerHooks({
  resolve(name, context, next) {
    if (name === 'koffi') throw new Error('not built for this processor');
    return next(name, context);
  },
});
`)}`;

needs('ping', 'linux')('where the C library cannot be called', () => {
  test("the system's ping is used", () => {
    const { output, errors } = runFarpoint(['probe', 'ping', '127.0.0.1'], {
      NODE_OPTIONS: `--import=${withoutKoffi}`,
    });
    expect(errors).toBe('');
    expect(output).toMatch(/^UP +ping 127\.0\.0\.1/);
    expect(output).toContain('mode=binary');
  });
});

import { test } from 'vitest';
import { cutPower } from './power-cuts.ts';

const count = Number(process.env['FARPOINT_POWER_CUTS'] ?? 1000);
const seed = Number(process.env['FARPOINT_SEED'] ?? Math.floor(Math.random() * 1e6));

test(`${count} power cuts from seed ${seed} lose nothing that was acknowledged`, async () => {
  await cutPower(count, seed);
}, 600_000);

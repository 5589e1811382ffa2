import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Agenda } from '#checks/ping/engine/agenda';

const slotMs = 10;

test('hands out every entry once, in order, and none before its slot', () => {
  const steps = fc.array(
    fc.record({
      waitMs: fc.nat(200),
      addMs: fc.array(fc.nat(500)),
      max: fc.integer({ min: 1, max: 5 }),
    }),
  );
  fc.assert(
    fc.property(steps, (script) => {
      const agenda = new Agenda<{ readonly id: number; readonly dueMs: number }>(slotMs);
      const waiting = new Set<number>();
      let nowMs = 1_000_000;
      let id = 0;
      for (const { waitMs, addMs, max } of script) {
        nowMs += waitMs;
        for (const inMs of addMs) {
          waiting.add(id);
          agenda.add({ id: id++, dueMs: nowMs + inMs }, nowMs + inMs);
        }
        const taken = agenda.take(nowMs, max);
        expect(taken.length).toBeLessThanOrEqual(max);
        for (const entry of taken) {
          expect(waiting.delete(entry.id)).toBe(true);
          expect(entry.dueMs).toBeLessThan(nowMs + slotMs);
        }
      }
      for (const entry of agenda.take(nowMs + 1000)) expect(waiting.delete(entry.id)).toBe(true);
      expect(waiting.size).toBe(0);
    }),
  );
});

test('what is due longest comes first', () => {
  const agenda = new Agenda<string>(slotMs);
  agenda.add('third', 30);
  agenda.add('first', 10);
  agenda.add('second', 20);
  expect(agenda.take(100, 2)).toEqual(['first', 'second']);
  expect(agenda.take(100, 2)).toEqual(['third']);
});

test('an entry for a time that has passed is due at once', () => {
  const agenda = new Agenda<string>(slotMs);
  expect(agenda.take(1000)).toEqual([]);
  agenda.add('late', 500);
  expect(agenda.take(1000)).toEqual(['late']);
});

import { bodyFaults } from './body.ts';
import { connectionFaults } from './connection.ts';
import { dnsFaults } from './dns.ts';
import type { Fault } from './fault.ts';
import { httpFaults } from './http.ts';
import { tlsFaults } from './tls.ts';

/** Every fault that can be had on loopback. */
export const faults: readonly Fault[] = [
  ...dnsFaults,
  ...connectionFaults,
  ...tlsFaults,
  ...httpFaults,
  ...bodyFaults,
];

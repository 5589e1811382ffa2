import { type CheckType } from './check.ts';

/** Every type of check there is, one line each. */
export const checkTypes: readonly CheckType[] = [];

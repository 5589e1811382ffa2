import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

export const { errno } = constants;

/** `permission denied (EACCES)` */
export function describeErrno(number: number): string {
  const [name, text] = getSystemErrorMap().get(-number) ?? [`errno ${number}`, 'system error'];
  return `${text} (${name})`;
}

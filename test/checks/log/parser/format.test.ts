import { describe, expect, it } from 'vitest';
import { type Layout, parseLogFormat } from '#checks/log/parser/format';

const pasted = `
    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status "\${http_referer}x" it\\'s';
`;

describe('a log_format', () => {
  it('is the same bare and as a pasted directive', () => {
    const bare = `$remote_addr - $remote_user [$time_local] "$request" $status "\${http_referer}x" it's`;
    expect(parseLogFormat(pasted)).toEqual(parseLogFormat(bare));
    expect(written(parseLogFormat(pasted))).toBe(
      `<remote_addr> - <remote_user> [<time_local>] "<request>" <status> "<http_referer>x" it's`,
    );
  });

  it.each([
    [
      `log_format json escape=json '{"status":$status,' '"ip":"$remote_addr"}';`,
      '{"status":<status>,"ip":"<remote_addr>"}',
    ],
    ['log_format short "$status $request";', '<status> <request>'],
    ['log_format plain $status;', '<status>'],
  ])('%s', (directive, expected) => {
    expect(written(parseLogFormat(directive))).toBe(expected);
  });

  it('gives each role to the first field that has it', () => {
    const { fields } = parseLogFormat(
      '$request_method "$request" $bytes_sent $body_bytes_sent $http_x',
    );
    expect(fields.map(({ field }) => field.role)).toEqual([
      'method',
      undefined,
      'sent',
      undefined,
      undefined,
    ]);
  });

  it.each([
    [
      '$remote_addr$status',
      'nothing separates $remote_addr from $status: put a space or quotes between them in the log format',
    ],
    [
      'combined',
      'the log format has no variables; expected something like $remote_addr [$time_local] …',
    ],
  ])('is refused: %s', (text, message) => {
    expect(() => parseLogFormat(text)).toThrow(message);
  });
});

function written({ fields, after }: Layout): string {
  return fields.map(({ before, field }) => `${before}<${field.name}>`).join('') + after;
}

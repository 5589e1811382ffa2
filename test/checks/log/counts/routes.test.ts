import { describe, expect, it } from 'vitest';
import { RouteTable, routeProblem } from '#checks/log/counts/routes';

const table = new RouteTable([
  '/',
  '/datasets/:id',
  '/datasets/new',
  '/datasets/:id/files/*',
  '/api/*',
  '/api/v1',
]);

describe('a route', () => {
  it.each([
    ['/', '/'],
    ['/?a=/datasets/1', '/'],
    ['/datasets/17', '/datasets/:id'],
    ['/datasets/17?page=2', '/datasets/:id'],
    ['/datasets/17 HTTP/1.1', '/datasets/:id'],
    ['/datasets/new', '/datasets/new'],
    ['/datasets/new/files/a/b', '/datasets/:id/files/*'],
    ['/api/v1', '/api/v1'],
    ['/api/v2/x', '/api/*'],
    ['/api/', '/api/*'],
    ['/datasets/', 'other'],
    ['/datasets', 'other'],
    ['/datasets/17/', 'other'],
    ['//', 'other'],
    ['', 'other'],
    ['http://example.org/datasets/17', 'other'],
  ])('of %s is %s', (uri, route) => {
    const bytes = Buffer.from(`"GET ${uri}"`);
    expect(table.names[table.find(bytes, 5, bytes.length - 1)]).toBe(route);
  });

  it.each(['datasets', '/a?b', '/a/*/b', '/a b'])('cannot be %s', (pattern) => {
    expect(routeProblem(pattern)).toBeTypeOf('string');
  });
});

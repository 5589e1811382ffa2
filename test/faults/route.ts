import type { ErrorType } from '#lib/error-type';

/** A fault of the way there, for a network namespace from which nothing can leave this machine. */
export interface RouteFault {
  readonly name: string;
  readonly type: string;
  readonly target: string;
  readonly error: ErrorType;
}

export const routeFaults: readonly RouteFault[] = [
  {
    name: 'a router that says nothing',
    type: 'http',
    target: 'http://10.98.1.1/',
    error: 'connect_timeout',
  },
  {
    name: 'a router that knows no such host',
    type: 'http',
    target: 'http://10.98.2.1/',
    error: 'host_unreachable',
  },
  {
    name: 'a router that knows no such network',
    type: 'http',
    target: 'http://10.97.0.1/',
    error: 'net_unreachable',
  },
  {
    name: 'nobody at the port',
    type: 'tcp',
    target: '10.99.0.2:81',
    error: 'connect_refused',
  },
  {
    name: 'no route from here',
    type: 'http',
    target: 'http://[2001:db8::1]/',
    error: 'agent_no_network',
  },
  {
    name: 'a metadata service',
    type: 'http',
    target: 'http://169.254.169.254/latest/meta-data/',
    error: 'egress_denied',
  },
  {
    name: 'a link-local address, by ping',
    type: 'ping',
    target: '169.254.1.1',
    error: 'egress_denied',
  },
];

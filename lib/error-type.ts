/**
 * Every reason a run can have for not being up: the values of `error.type`, ordered by the phase in
 * which they appear. The list is closed, so that it is safe as a metric attribute.
 */

/** The target's fault: the service could not do what the check asked of it. */
export const downErrors = [
  'dns_nxdomain',
  'dns_no_address',
  'dns_timeout',
  'dns_unreachable',
  'dns_servfail',
  'dns_refused',
  'dns_malformed',
  'dns_mismatch',
  'connect_refused',
  'connect_timeout',
  'connect_reset',
  'host_unreachable',
  'net_unreachable',
  'proxy_refused',
  'tls_expired',
  'tls_not_yet_valid',
  'tls_hostname',
  'tls_self_signed',
  'tls_untrusted',
  'tls_incomplete_chain',
  'tls_protocol',
  'tls_handshake',
  'tls_timeout',
  'auth_failed',
  'http_no_response',
  'http_protocol',
  'http_version',
  'http_status',
  'http_header',
  'redirect_limit',
  'redirect_loop',
  'redirect_invalid',
  'header_timeout',
  'header_too_large',
  'body_stall',
  'body_timeout',
  'body_truncated',
  'body_too_large',
  'body_encoding',
  'body_mismatch',
  'json_mismatch',
  'checksum_mismatch',
  'size_mismatch',
  'too_slow',
  'cert_expiring',
  'icmp_loss',
  'icmp_timeout',
  'icmp_unreachable',
  'icmp_ttl_exceeded',
  'log_missing',
  'log_silent',
  'log_threshold',
  'value_missing',
  'value_threshold',
  'heartbeat_missing',
  'heartbeat_failed',
] as const;

/** The monitor's fault: the run could not be judged, so nothing is said of the target. */
export const unknownErrors = [
  'agent_no_network',
  'agent_overloaded',
  'agent_stopping',
  'icmp_unavailable',
  'egress_denied',
  'log_unreadable',
  'expression_limit',
  'agent_error',
] as const;

export type DownError = (typeof downErrors)[number];
export type UnknownError = (typeof unknownErrors)[number];
export type ErrorType = DownError | UnknownError;

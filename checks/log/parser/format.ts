/** How the text of a field is read; a text that does not fit makes its line unparsed. */
export type Shape =
  /** Anything up to the literal that follows. */
  | 'text'
  /** `METHOD URI PROTOCOL`; anything else counts as a request without a method. */
  | 'request'
  /** Three digits. */
  | 'status'
  /** Digits, perhaps with a fraction; `-` or nothing says there is none. */
  | 'number'
  /** Texts of several upstreams, with the same separators. */
  | 'list'
  /** Numbers of several upstreams, separated by `, ` or ` : `; they are added up. */
  | 'numbers'
  /** `22/Nov/2026:01:02:03 +0100`. */
  | 'clf'
  /** `2026-11-22T01:02:03+01:00`. */
  | 'iso8601'
  /** Seconds since 1970 with milliseconds. */
  | 'unix';

/** What the check does with a field; fields without a role only have to fit their shape. */
export const roles = [
  'client',
  'time',
  'request',
  'method',
  'uri',
  'status',
  'sent',
  'duration',
  'upstream',
  'connection',
] as const;
export type Role = (typeof roles)[number];

export interface Field {
  readonly name: string;
  readonly shape: Shape;
  readonly role: Role | undefined;
}

/** A line as literals and fields in turn: `before` comes before the field, `after` ends the line. */
export interface Layout {
  readonly kind: 'layout';
  readonly fields: readonly { readonly before: string; readonly field: Field }[];
  readonly after: string;
}

/** What one unit of a duration is in milliseconds, by the name it has in a configuration. */
export const durationUnits = { s: 1000, ms: 1, us: 1e-3, ns: 1e-6 } as const;
export type DurationUnit = keyof typeof durationUnits;

/** A line as a JSON object; keys of objects within it are joined with dots. */
export interface JsonFormat {
  readonly kind: 'json';
  readonly keys: Readonly<Partial<Record<Role, string>>>;
  readonly unit: DurationUnit;
}

/** Any line; the expression has a named group for each role. */
export interface RegexFormat {
  readonly kind: 'regex';
  readonly source: string;
  readonly unit: DurationUnit;
}

export type Format = Layout | JsonFormat | RegexFormat;

export const presetNames = [
  'nginx-combined',
  'nginx-main',
  'apache-common',
  'apache-combined',
] as const;

export const presets: Readonly<Record<(typeof presetNames)[number], string>> = {
  'nginx-combined':
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
  'nginx-main':
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"',
  // Apache writes what these nginx variables stand for, with the identd name in place of the dash.
  'apache-common':
    '$remote_addr $identd $remote_user [$time_local] "$request" $status $body_bytes_sent',
  'apache-combined':
    '$remote_addr $identd $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
};

/** nginx's variables that are more than text: https://nginx.org/en/docs/varindex.html */
const variables: Readonly<Record<string, { readonly shape: Shape; readonly role?: Role }>> = {
  remote_addr: { shape: 'text', role: 'client' },
  time_local: { shape: 'clf', role: 'time' },
  time_iso8601: { shape: 'iso8601', role: 'time' },
  msec: { shape: 'unix', role: 'time' },
  request: { shape: 'request', role: 'request' },
  request_method: { shape: 'text', role: 'method' },
  request_uri: { shape: 'text', role: 'uri' },
  uri: { shape: 'text', role: 'uri' },
  status: { shape: 'status', role: 'status' },
  body_bytes_sent: { shape: 'number', role: 'sent' },
  bytes_sent: { shape: 'number', role: 'sent' },
  request_time: { shape: 'number', role: 'duration' },
  upstream_response_time: { shape: 'numbers', role: 'upstream' },
  upstream_connect_time: { shape: 'numbers' },
  upstream_header_time: { shape: 'numbers' },
  upstream_response_length: { shape: 'numbers' },
  upstream_bytes_received: { shape: 'numbers' },
  upstream_bytes_sent: { shape: 'numbers' },
  upstream_status: { shape: 'numbers' },
  upstream_addr: { shape: 'list' },
  connection: { shape: 'number', role: 'connection' },
  request_length: { shape: 'number' },
  connection_requests: { shape: 'number' },
};

/**
 * Reads an nginx `log_format`: the bare format, or the whole directive as it stands in nginx.conf,
 * quotes, line breaks and all. Throws an Error that says what cannot be told apart and how to mend it.
 */
export function parseLogFormat(text: string): Layout {
  const parts = unquoteDirective(text).split(/\$(?:\{(\w+)\}|(\w+))/);
  const fields: { before: string; field: Field }[] = [];
  const taken = new Set<Role>();
  for (let index = 0; index + 2 < parts.length; index += 3) {
    const name = parts[index + 1] ?? parts[index + 2] ?? '';
    fields.push({ before: parts[index] ?? '', field: nginxField(name, taken) });
  }
  const layout: Layout = { kind: 'layout', fields, after: parts.at(-1) ?? '' };
  refuseAmbiguous(layout);
  return layout;
}

/** Whether lines of this format may have such a field; in JSON any may be there. */
export function hasField(format: Format, name: string): boolean {
  switch (format.kind) {
    case 'layout':
      return format.fields.some(({ field }) => field.name === name);
    case 'json':
      return true;
    case 'regex':
      return groupsOf(format.source).includes(name);
  }
}

export function hasRole(format: Format, role: Role): boolean {
  switch (format.kind) {
    case 'layout':
      return format.fields.some(({ field }) => field.role === role);
    case 'json':
      return format.keys[role] !== undefined;
    case 'regex':
      return groupsOf(format.source).includes(role);
  }
}

/** The layout with another field saying who the client is. */
export function withClient(layout: Layout, name: string): Layout {
  const roleOf = ({ name: own, role }: Field): Role | undefined => {
    if (own === name) return 'client';
    return role === 'client' ? undefined : role;
  };
  const fields = layout.fields.map(({ before, field }) => ({
    before,
    field: { ...field, role: roleOf(field) },
  }));
  return { ...layout, fields };
}

/** Names of the groups of a regular expression. */
export function groupsOf(source: string): string[] {
  return Object.keys(new RegExp(`${source}|`).exec('')?.groups ?? {});
}

/** `log_format main escape=json 'a' 'b';` becomes `ab`; anything else stays as it is. */
function unquoteDirective(text: string): string {
  const directive = /^\s*log_format\s+\S+\s+(?:escape=\w+\s+)?(?<strings>.*?);?\s*$/s.exec(text);
  if (directive === null) return text.trim();
  const strings = directive.groups?.['strings'] ?? '';
  return [...strings.matchAll(/'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|(\S+)/gs)]
    .map(([, single, double, bare]) =>
      (single ?? double ?? bare ?? '').replace(/\\(['"\\])/g, '$1'),
    )
    .join('');
}

/** The first field of a role has it: `$request` is both method and URI. */
function nginxField(name: string, taken: Set<Role>): Field {
  const { shape, role } = variables[name] ?? { shape: 'text' as const, role: undefined };
  if (role === undefined) return { name, shape, role };
  const filled: readonly Role[] = role === 'request' ? ['method', 'uri'] : [role];
  const free = filled.every((candidate) => !taken.has(candidate));
  for (const candidate of filled) taken.add(candidate);
  return { name, shape, role: free ? role : undefined };
}

function refuseAmbiguous({ fields }: Layout): void {
  if (fields.length === 0) {
    throw new Error(
      'the log format has no variables; expected something like $remote_addr [$time_local] …',
    );
  }
  for (const [index, { before, field }] of fields.entries()) {
    const previous = fields[index - 1];
    if (previous !== undefined && before === '') {
      throw new Error(
        `nothing separates $${previous.field.name} from $${field.name}: put a space or quotes between them in the log format`,
      );
    }
  }
}

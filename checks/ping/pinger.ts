/** How echo requests leave this process: an own socket, the system's program, or not at all. */
export type PingerMode = 'datagram' | 'raw' | 'binary' | 'unavailable';

/** Some echo requests to one address. */
export interface EchoPlan {
  readonly address: string;
  readonly family: 4 | 6;
  readonly count: number;
  /** From the sending of one packet to the sending of the next. */
  readonly gapMs: number;
  /** Bytes of payload after the eight bytes of ICMP header. */
  readonly size: number;
  /** How long each packet waits for its reply. */
  readonly timeoutMs: number;
  readonly hopLimit: number | undefined;
  readonly dontFragment: boolean;
  /** Local address or name of a network interface to send from. */
  readonly source: string | undefined;
}

/** The first valid reply to one packet that came in time. */
export interface EchoReply {
  readonly roundTripMs: number;
  /** TTL or hop limit left when it arrived. */
  readonly hopLimit: number | undefined;
}

/** An ICMP error, from a router or from this host, that answered a packet. */
export interface EchoError {
  readonly kind: 'unreachable' | 'ttl_exceeded' | 'other';
  /** As a sentence's end: `host unreachable from 192.0.2.1`. */
  readonly message: string;
}

export interface EchoReport {
  readonly sent: number;
  /** In the order the packets were sent. */
  readonly replies: readonly EchoReply[];
  readonly duplicate: number;
  readonly late: number;
  readonly reordered: number;
  readonly corrupted: number;
  readonly errors: readonly EchoError[];
}

/** The packets could not be sent for a reason of this host. */
export interface EchoUnavailable {
  readonly unavailable: string;
}

/** Sends echo requests and waits for what comes back; one a process serves every ping check. */
export interface Pinger extends AsyncDisposable {
  readonly mode: PingerMode;
  /** Settles promptly on abort, with what had happened until then. */
  echo(plan: EchoPlan, signal: AbortSignal): Promise<EchoReport | EchoUnavailable>;
}

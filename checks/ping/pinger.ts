/** How echo requests leave this process: by an own socket, the system's program, or not at all. */
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
  readonly waitMs: number;
  /** How long the run may still take. */
  readonly timeLeftMs: number;
  readonly hopLimit: number | undefined;
  readonly dontFragment: boolean;
  /** Local address or name of a network interface to send from. */
  readonly source: string | undefined;
  /** Counts what comes in after the report; the next report of the same check adds it. */
  readonly stragglers: Stragglers;
}

/** Replies that are worth knowing of, but do not count as received. */
export interface Stragglers {
  /** To a packet that had been answered before. */
  duplicate: number;
  /** To a packet that had been given up. */
  late: number;
  /** With another payload than was sent. */
  corrupted: number;
}

/** The first valid reply to one packet that came in time. */
export interface EchoReply {
  readonly roundTripMs: number;
  /** TTL or hop limit left when it arrived. */
  readonly hopLimit: number | undefined;
}

/** Why a packet did not arrive, where somebody said so. */
export interface EchoError {
  /**
   * An ICMP error, from a router or this host; or this host would not send: it has no route, its
   * firewall denied it, or it refused for another reason.
   */
  readonly kind: 'unreachable' | 'ttl_exceeded' | 'other' | 'no_route' | 'denied' | 'refused';
  /** `host unreachable from 192.0.2.1` */
  readonly message: string;
}

export interface EchoReport extends Readonly<Stragglers> {
  /**
   * Packets whose fate is known: answered, or waited for in vain. One that was cut short by the end
   * of the run counts only if there is no other.
   */
  readonly sent: number;
  /** In the order the packets were sent. */
  readonly replies: readonly EchoReply[];
  /** Replies overtaken by the reply to a later packet. */
  readonly reordered: number;
  /** Each different one once. */
  readonly errors: readonly EchoError[];
  /** From the call to the first packet being ready to go, without waiting for its turn. */
  readonly setupMs: number | undefined;
  /** This host dropped packets it had received, because nobody fetched them in time. */
  readonly overflowed: boolean;
}

/** The packets could not be sent for a reason of this host. */
export interface EchoUnavailable {
  readonly unavailable: string;
}

/** Sends echo requests and waits for what comes back; one a process serves every ping check. */
export interface Pinger extends AsyncDisposable {
  /** Per address family. */
  readonly modes: Readonly<Record<4 | 6, PingerMode>>;
  /** What this host said to better ways than those. */
  readonly refusals: readonly string[];
  /** Settles promptly on abort, with what had happened until then. */
  echo(plan: EchoPlan, signal: AbortSignal): Promise<EchoReport | EchoUnavailable>;
}

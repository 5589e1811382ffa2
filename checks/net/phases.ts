/** The stretches a run over the network is made of, in order (`request` is the one of a DNS check). */
export type Phase = 'resolve' | 'connect' | 'tls' | 'request' | 'processing' | 'transfer';

/** Milliseconds of every phase that was reached. */
export type Phases = ReadonlyMap<Phase, number>;

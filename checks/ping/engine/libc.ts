import koffi from 'koffi';

/** The few system calls that an ICMP socket needs. Each returns -1 on failure and leaves `errno`. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  close(fd: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number;
  /** Takes the address of the header: to find out that of a view takes a tenth of the time of a packet. */
  sendmsg(fd: number, headerAddress: number, flags: number): number;
  recvmmsg(fd: number, headers: Uint8Array, count: number, flags: number, timeout: null): number;
  clock_gettime(clock: number, timespec: Uint8Array): number;
  inet_pton(family: number, text: string, address: Uint8Array): number;
  if_nametoindex(name: string): number;
  errno(): number;
  /** Where in memory the bytes of a view are; they stay there as long as the view is held. */
  addressOf(view: Uint8Array): bigint;
}

/** Binds to the C library this process runs on, glibc or musl. Throws where there is none. */
export function loadLibc(): Libc {
  const libc = koffi.load(null);
  return {
    socket: libc.func('int socket(int, int, int)'),
    close: libc.func('int close(int)'),
    bind: libc.func('int bind(int, void*, uint)'),
    setsockopt: libc.func('int setsockopt(int, int, int, void*, uint)'),
    sendmsg: libc.func('long sendmsg(int, uintptr_t, int)'),
    recvmmsg: libc.func('int recvmmsg(int, void*, uint, int, void*)'),
    clock_gettime: libc.func('int clock_gettime(int, void*)'),
    inet_pton: libc.func('int inet_pton(int, const char*, void*)'),
    if_nametoindex: libc.func('uint if_nametoindex(const char*)'),
    errno: () => koffi.errno(),
    addressOf: (view) => koffi.address(view),
  };
}

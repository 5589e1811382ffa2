import { icmpTypes } from './icmp.ts';
import type { Libc } from './libc.ts';

/**
 * A raw socket is given every ICMP packet of the host. The filter (classic BPF, see the kernel's
 * networking/filter.rst) lets only replies with our identifier through, and errors, whose identifier
 * stands inside; IPv4 comes with its header, IPv6 without. Returns 0 or an errno.
 */
export function attachRawFilter(
  libc: Libc,
  fd: number,
  { family, identifier }: { readonly family: 4 | 6; readonly identifier: number },
): number {
  const { reply, errors } = icmpTypes[family];
  const toHeader = family === 4 ? [BPF_LDX_MSH, 0, 0, 0] : [BPF_LDX_IMM, 0, 0, 0];
  const reject = 5 + errors.length;
  const program = [
    toHeader,
    [BPF_LD_BYTE, 0, 0, 0],
    [BPF_JEQ, 0, 2, reply],
    [BPF_LD_HALF, 0, 0, 4],
    [BPF_JEQ, reject - 4, reject - 5, identifier],
    ...errors.map((type, index) => [BPF_JEQ, reject - 5 - index, 0, type]),
    [BPF_RET, 0, 0, 0],
    [BPF_RET, 0, 0, 0xff_ff_ff_ff],
  ];
  const code = new Uint8Array(new ArrayBuffer(8 * program.length));
  const view = new DataView(code.buffer);
  for (const [index, [operation = 0, jumpTrue = 0, jumpFalse = 0, k = 0]] of program.entries()) {
    view.setUint16(8 * index, operation, true);
    view.setUint8(8 * index + 2, jumpTrue);
    view.setUint8(8 * index + 3, jumpFalse);
    view.setUint32(8 * index + 4, k, true);
  }
  const fprog = new Uint8Array(16);
  new DataView(fprog.buffer).setUint16(0, program.length, true);
  new DataView(fprog.buffer).setBigUint64(8, libc.addressOf(code), true);
  return libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, fprog, fprog.length) < 0
    ? libc.errno()
    : 0;
}

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;

const BPF_LDX_MSH = 0xb1;
const BPF_LDX_IMM = 0x01;
const BPF_LD_BYTE = 0x50;
const BPF_LD_HALF = 0x48;
const BPF_JEQ = 0x15;
const BPF_RET = 0x06;

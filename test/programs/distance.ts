/**
 * `node test/programs/distance.ts DELAY_MS JITTER_MS NAMESPACE:DEVICE=NAMESPACE:DEVICE …`: each pair of TAP
 * devices becomes a wire of that length, for kernels without netem. A frame is late by the delay, give
 * or take up to the jitter, and none overtakes another. Needs root; the devices must be there.
 */
import { openSync, read, writeSync } from 'node:fs';
import koffi from 'koffi';
import { Host } from '../support/network/network.ts';

const [delayMs = 0, jitterMs = 0] = process.argv.slice(2, 4).map(Number);
const frameBytesMax = 65_536;
const TUNSETIFF = 0x4004_54ca;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const ioctl = koffi.load(null).func('int ioctl(int, unsigned long, void *)');

for (const pair of process.argv.slice(4)) {
  const [near, far] = pair.split('=').map(attach);
  if (near === undefined || far === undefined) throw new Error(`${pair} is no pair of devices`);
  pass(near, far);
  pass(far, near);
}
process.stdout.write('attached\n');

function attach(place: string): number {
  const [namespace = '', device = ''] = place.split(':');
  using _there = new Host(namespace, { 4: '', 6: '' }).enter();
  const fd = openSync('/dev/net/tun', 'r+');
  const request = Buffer.alloc(40);
  request.write(device, 'latin1');
  request.writeUInt16LE(IFF_TAP | IFF_NO_PI, 16);
  if (ioctl(fd, TUNSETIFF, request) !== 0) throw new Error(`${place}: errno ${koffi.errno()}`);
  return fd;
}

function pass(from: number, to: number): void {
  let latestMs = 0;
  const next = (): void => {
    // A read occupies a thread of the pool until a frame comes: UV_THREADPOOL_SIZE must suffice.
    read(from, Buffer.alloc(frameBytesMax), 0, frameBytesMax, null, (error, length, frame) => {
      if (error !== null) throw error;
      const nowMs = performance.now();
      latestMs = Math.max(latestMs, nowMs + delayMs + (2 * Math.random() - 1) * jitterMs);
      setTimeout(() => deliver(to, frame.subarray(0, length)), latestMs - nowMs);
      next();
    });
  };
  next();
}

function deliver(to: number, frame: Buffer): void {
  try {
    writeSync(to, frame);
  } catch (error) {
    // The device is down or gone; so is what came over the wire.
    if (!['EIO', 'ENETDOWN', 'EBADFD'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
  }
}

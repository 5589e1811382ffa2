import type { Clock } from '#lib/clock';
import type { Follower } from './follower.ts';

/**
 * Follows all targets until `stop` aborts. Runs in flight may then end within `graceMs`; the rest is
 * abandoned: a run that this agent broke off says nothing of its target.
 */
export async function follow(
  followers: readonly Follower[],
  { clock, graceMs }: { clock: Clock; graceMs: number },
  stop: AbortSignal,
): Promise<void> {
  const abandon = new AbortController();
  const finished = new AbortController();
  // A signal each: with a thousand listeners on one, adding one more walks past all of them.
  await Promise.all(
    followers.map((follower) => follower.follow(AbortSignal.any([stop]), abandon.signal)),
  );
  const reason = new DOMException('the agent is stopping', 'AbortError');
  clock.sleep(graceMs, finished.signal).then(
    () => abandon.abort(reason),
    () => undefined,
  );
  await Promise.all(followers.map((follower) => follower.finish()));
  finished.abort();
}

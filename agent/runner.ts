import { type Clock } from '#lib/clock';
import { type Follower } from './follower.ts';

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
  await Promise.all(followers.map((follower) => follower.follow(stop, abandon.signal)));
  const reason = new DOMException('the agent is stopping', 'AbortError');
  clock.sleep(graceMs, finished.signal).then(
    () => abandon.abort(reason),
    () => undefined,
  );
  await Promise.all(followers.map((follower) => follower.finish()));
  finished.abort();
}

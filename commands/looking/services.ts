import type { AssignmentOptions, Identity } from '#agent/runs/assignment';
import { Gate, passes } from '#agent/runs/gate';
import { LoopDelay } from '#agent/runs/loop-delay';
import type { OnceOptions } from '#agent/runs/once';
import { SharedResources } from '#agent/runs/shared-resources';
import { createEgressPolicy, type EgressSettings } from '#checks/net/egress';
import { checkTypes } from '#checks/registry';
import { createSystemClock } from '#lib/clock';

/** What checks need that run here and now, under this egress policy or the default; goes with the stack. */
export function openServices(
  { egress, ...identity }: Identity & { readonly egress?: EgressSettings | undefined },
  resources: AsyncDisposableStack,
): { readonly assignment: AssignmentOptions; readonly once: OnceOptions } {
  const clock = createSystemClock();
  const { shared } = resources.use(new SharedResources());
  const services = { clock, shared, ...(egress && { egress: createEgressPolicy(egress) }) };
  const loop = resources.use(new LoopDelay(clock));
  return {
    assignment: { identity, types: checkTypes, services },
    once: { clock, gate: new Gate(passes, clock), loop },
  };
}

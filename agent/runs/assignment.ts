import type { Check, CheckServices, CheckSpec, CheckType } from '#checks/check';
import type { MetricDeclaration } from '#lib/observation';
import type { Subject } from '#lib/results/subject';
import type { CheckPlan } from '../plan.ts';

/** One check on one target, in the hands of this agent. */
export interface Assignment {
  readonly plan: CheckPlan;
  readonly subject: Subject;
  /** What the type of the check declares. */
  readonly metrics: readonly MetricDeclaration[];
  /** Sets the check up. May be called again when it fails. */
  create(): Promise<Check>;
}

/** Who this agent is. */
export interface Identity {
  readonly name: string;
  readonly region: string;
}

export interface AssignmentOptions {
  readonly identity: Identity;
  readonly types: readonly CheckType[];
  readonly services: CheckServices;
}

export function assign(plan: CheckPlan, options: AssignmentOptions): Assignment {
  const { check, type, service, target, labels, timeoutMs } = plan;
  const { name: agent, region } = options.identity;
  const checkType = options.types.find((candidate) => candidate.type === type);
  if (checkType === undefined) throw new Error(`cannot run ${check}: there is no type ${type}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type's own schema made them
  const settings = plan.settings as CheckSpec<Record<string, unknown>>['settings'];
  return {
    plan,
    subject: { check, type, service, target, labels, region, agent },
    metrics: checkType.metrics,
    create: () => checkType.create({ name: check, target, settings, timeoutMs }, options.services),
  };
}

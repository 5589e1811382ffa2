import type { RuleGroup } from './rule.ts';
import { agents } from './rules/agents.ts';
import { availability } from './rules/availability.ts';
import { certificates } from './rules/certificates.ts';
import { latency } from './rules/latency.ts';
import { logs } from './rules/logs.ts';
import { pipeline } from './rules/pipeline.ts';
import { slo } from './rules/slo.ts';
import { values } from './rules/values.ts';
import type { Settings } from './settings.ts';

/** All rules, a line a group. */
export function ruleGroups(settings: Settings): readonly RuleGroup[] {
  return [
    availability(settings),
    latency(),
    values(settings),
    logs(),
    certificates(settings),
    slo(settings),
    agents(settings),
    pipeline(settings),
  ];
}

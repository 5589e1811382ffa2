import { quiet, type RuleGroup } from '../rule.ts';
import type { Settings } from '../settings.ts';
import { fresh } from '../verdicts.ts';

const dashboard = { uid: 'farpoint-pipeline', variables: [] };

/** After so long without a word an agent is silent, and what was last known of it says nothing of now. */
const silentSeconds = 180;
/** Told by the collector for every agent that has a key: data, not their absence. */
const sinceHeard = 'time() - max by (agent) (farpoint_agent_last_seen_timestamp_seconds)';

/** Whether the agents do what they are there for. */
export function agents({ lookback }: Settings): RuleGroup {
  const perAgent = 'by (region, agent)';
  // What an agent books when it starts again is of hours before: it is neither skipped now nor a share of anything.
  const skipped = `sum ${perAgent} (increase(farpoint_runs_skipped_total{reason!~"agent_stopping|agent_stopped"}[15m]))`;
  return {
    name: 'farpoint-agents',
    intervalSeconds: 30,
    recordings: [],
    alerts: [
      {
        name: 'AgentSilent',
        expression: sinceHeard,
        fires: { above: silentSeconds },
        for: '1m',
        severity: 'warning',
        summary: ({ label, value }) =>
          `Agent ${label('agent')} has not been heard of for ${value('duration')}`,
        dashboard,
        states: quiet,
      },
      {
        name: 'AgentCannotTell',
        expression: `avg ${perAgent} (${fresh('unknown', lookback)})`,
        fires: { above: 0.5 },
        for: '5m',
        severity: 'warning',
        summary: ({ label, value }) =>
          `Agent ${label('agent')} in ${label('region')} cannot tell for ${value('share')} of its targets whether they are up`,
        dashboard,
        states: quiet,
      },
      {
        name: 'AgentSkipsRuns',
        expression: `${skipped} / clamp_min(${skipped} + sum ${perAgent} (increase(farpoint_runs_completed_total[15m])), 1)`,
        fires: { above: 0.1 },
        for: '5m',
        severity: 'warning',
        summary: ({ label, value }) =>
          `Agent ${label('agent')} in ${label('region')} skipped ${value('share')} of its runs over 15 minutes`,
        dashboard,
        states: quiet,
      },
      {
        name: 'AgentBacklog',
        expression: `max ${perAgent} (last_over_time(farpoint_agent_outbox_age_seconds[${silentSeconds}s]))`,
        fires: { above: 300 },
        for: '5m',
        severity: 'warning',
        summary: ({ label, value }) =>
          `Agent ${label('agent')} in ${label('region')} has results that wait since ${value('duration')} for the collector`,
        dashboard,
        states: quiet,
      },
      {
        name: 'AgentClockWrong',
        // Told by the collector too: what an agent with such a clock says of itself is dated far from now.
        expression: `(max by (agent) (abs(farpoint_agent_clock_offset_seconds)) and on (agent) (${sinceHeard} <= ${silentSeconds}))`,
        fires: { above: 5 },
        for: '5m',
        severity: 'warning',
        summary: ({ label, value }) =>
          `The clock of agent ${label('agent')} is off by ${value('duration')}`,
        dashboard,
        states: quiet,
      },
    ],
  };
}

import { quiet, type RuleGroup } from '../rule.ts';

const perLog = 'without (status_class, method, route, region, agent)';
const dashboard = { uid: 'farpoint-target', variables: ['job', 'instance', 'check'] };
/** A log with fewer requests a second is too quiet for one error to be a share worth telling. */
const requestsMin = 0.05;

/** What logs say of the service, and whether they can be read. */
export function logs(): RuleGroup {
  const all = `sum ${perLog} (rate(log_requests_total[15m]))`;
  const failed = `sum ${perLog} (rate(log_requests_total{status_class="5xx"}[15m]))`;
  return {
    name: 'farpoint-logs',
    intervalSeconds: 60,
    recordings: [],
    alerts: [
      {
        name: 'LogErrors',
        expression: `(${failed} or 0 * ${all}) / clamp_min(${all}, ${requestsMin})`,
        fires: { above: 0.05 },
        for: '5m',
        severity: 'warning',
        summary: ({ label, value }) =>
          `${value('share')} of the requests in ${label('instance')} (${label('check')}) were answered with 5xx over 15 minutes`,
        dashboard,
        states: quiet,
      },
      {
        name: 'LogDataLost',
        expression: 'sum without (region, agent) (increase(log_lost_bytes_total[1h]))',
        fires: { above: 0 },
        for: '0s',
        severity: 'warning',
        summary: ({ label, value }) =>
          `${value('number')}B of ${label('instance')} (${label('check')}) were destroyed within the hour before they were read`,
        dashboard,
        states: quiet,
      },
    ],
  };
}

import { type Alert, quiet, type RuleGroup } from '../rule.ts';
import type { Settings } from '../settings.ts';
import { isFresh } from '../verdicts.ts';

/** Days that certificates have left: the worst of all regions, of agents that are alive. */
export function certificates({ lookback }: Settings): RuleGroup {
  const expiry = `last_over_time(probe_ssl_earliest_cert_expiry[${lookback}])`;
  const common = {
    expression: 'farpoint:target:certificate_days',
    summary: ({ label, value }) =>
      `The certificate of ${label('instance')} (${label('check')}) expires in ${value('number')} days`,
    dashboard: { uid: 'farpoint-certificates', variables: [] },
    states: quiet,
  } satisfies Partial<Alert>;
  return {
    name: 'farpoint-certificates',
    intervalSeconds: 60,
    recordings: [
      {
        name: 'farpoint:target:certificate_days',
        expression: `(min without (region, agent) (${expiry} and ${isFresh(lookback)}) - time()) / 86400`,
      },
    ],
    alerts: [
      {
        name: 'CertificateExpiring',
        fires: { below: 30 },
        for: '10m',
        severity: 'warning',
        ...common,
      },
      {
        name: 'CertificateExpiresSoon',
        fires: { below: 3 },
        for: '10m',
        severity: 'critical',
        ...common,
      },
    ],
  };
}

import {
  ContactPointBuilder,
  NotificationPolicyBuilder,
} from '@grafana/grafana-foundation-sdk/alerting';
import { stringify } from 'yaml';

const receiver = 'farpoint';
const groupBy = ['alertname', 'job', 'check'];
const severities = {
  critical: { group_wait: '10s', group_interval: '1m', repeat_interval: '4h' },
  warning: { group_wait: '1m', group_interval: '5m', repeat_interval: '24h' },
};

/** A webhook for Grafana, as a start; its address comes from Grafana's environment. */
export function contactPoints(): string {
  const { type, uid, settings } = new ContactPointBuilder()
    .uid('farpoint-webhook')
    .type('webhook')
    .settings({ url: '${FARPOINT_WEBHOOK_URL}', httpMethod: 'POST' })
    .build();
  const receivers = [{ uid, type, settings, disableResolveMessage: false }];
  return stringify({ apiVersion: 1, contactPoints: [{ orgId: 1, name: receiver, receivers }] });
}

/** Grafana's whole tree of notification policies: provisioning it replaces the one that is there. */
export function policies(): string {
  const routes = Object.entries(severities).map(([severity, times]) =>
    new NotificationPolicyBuilder()
      .receiver(receiver)
      .objectMatchers([['severity', '=', severity]])
      .groupWait(times.group_wait)
      .groupInterval(times.group_interval)
      .repeatInterval(times.repeat_interval),
  );
  const tree = new NotificationPolicyBuilder().receiver(receiver).groupBy(groupBy).routes(routes);
  const plain = JSON.parse(JSON.stringify(tree.build()));
  return stringify({ apiVersion: 1, policies: [{ orgId: 1, ...plain }] });
}

/** An example for Alertmanager: one message for one cause. */
export function alertmanager(): string {
  return stringify(
    {
      route: {
        receiver,
        group_by: groupBy,
        ...severities.warning,
        routes: [{ matchers: ['severity="critical"'], receiver, ...severities.critical }],
      },
      inhibit_rules: [
        {
          source_matchers: ['alertname="FarpointTargetDown"'],
          target_matchers: [
            'alertname=~"FarpointRegionalOutage|FarpointValueOutOfBounds|FarpointLatencyDegraded|FarpointSloBurn.*"',
          ],
          equal: ['job', 'instance', 'check'],
        },
        {
          source_matchers: ['alertname="FarpointCertificateExpiresSoon"'],
          target_matchers: ['alertname="FarpointCertificateExpiring"'],
          equal: ['job', 'instance', 'check'],
        },
        {
          source_matchers: ['alertname=~"FarpointPipelineStale|FarpointCollectorSilent"'],
          target_matchers: ['alertname=~"FarpointAgentSilent|FarpointTargetUnknown"'],
        },
      ],
      receivers: [
        {
          name: receiver,
          webhook_configs: [{ url: 'http://127.0.0.1:5001/', send_resolved: true }],
        },
      ],
    },
    { lineWidth: 0 },
  );
}

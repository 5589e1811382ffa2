import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { stringify } from 'yaml';
import { agentsAndPipeline } from './dashboards/agents-and-pipeline.ts';
import { certificates } from './dashboards/certificates.ts';
import { overview } from './dashboards/overview.ts';
import { target } from './dashboards/target.ts';
import { uptime } from './dashboards/uptime.ts';
import type { Settings } from './settings.ts';

/** All dashboards, a line each. */
export function dashboards(settings: Settings): readonly Dashboard[] {
  return [
    overview(settings),
    target(settings),
    agentsAndPipeline(settings),
    uptime(settings),
    certificates(),
  ];
}

/** Tells Grafana where the dashboards are. */
export function dashboardProvider(): string {
  return stringify({
    apiVersion: 1,
    providers: [
      {
        name: 'farpoint',
        orgId: 1,
        folder: 'Farpoint',
        folderUid: 'farpoint',
        type: 'file',
        disableDeletion: false,
        updateIntervalSeconds: 30,
        allowUiUpdates: false,
        options: { path: '/etc/grafana/provisioning/dashboards/farpoint' },
      },
    ],
  });
}

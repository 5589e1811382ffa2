import { stringify } from 'yaml';

/** Of the datasource that the provisioned rules ask; dashboards let the reader choose. */
export const datasourceUid = 'farpoint-metrics';

/** A provisioning file for Prometheus or VictoriaMetrics, whose address comes from Grafana's environment. */
export function datasource(): string {
  return stringify({
    apiVersion: 1,
    datasources: [
      {
        name: 'Farpoint metrics',
        uid: datasourceUid,
        type: 'prometheus',
        access: 'proxy',
        orgId: 1,
        url: '${FARPOINT_METRICS_URL}',
        editable: false,
        jsonData: {
          httpMethod: 'POST',
          timeInterval: '30s',
          prometheusType: 'Prometheus',
          manageAlerts: true,
          // Results may come late; what was fetched before is then not the whole truth.
          incrementalQuerying: false,
        },
      },
    ],
  });
}

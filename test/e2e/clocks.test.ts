import { expect, test } from 'vitest';
import { skewedClock } from '../support/clocks/skewed-clock.ts';
import { Deployment } from '../support/deployments/deployment.ts';
import { eventually } from '../support/eventually.ts';
import { needs } from '../support/needs.ts';
import { serveHttp } from '../support/servers/serve.ts';

needs('faketime')('agents whose clocks are ten minutes off', () => {
  test(
    'the collector says so at once, of the one behind and of the one ahead, and of a right one',
    { timeout: 60_000 },
    async () => {
      await using service = await serveHttp((_, response) => response.end('fine\n'));
      await using deployment = await Deployment.prepare({
        regions: ['eu-west', 'us-east', 'ap-south'],
        checks: [
          'defaults: { every: 1s, timeout: 900ms, service: shop }',
          'checks:',
          `  - { name: home, type: http, target: '${service.url}' }`,
        ].join('\n'),
        sinks: '  - { name: history, type: history }',
      });
      await deployment.startCollector();
      deployment.startAgent('eu-west', skewedClock('-10m'));
      deployment.startAgent('us-east', skewedClock('+10m'));
      deployment.startAgent('ap-south');
      const offsets = await eventually('all three offsets', async () => {
        const metrics = await (await fetch(`${deployment.collectorUrl}/metrics`)).text();
        const said = metrics.matchAll(
          /^farpoint_agent_clock_offset_seconds\{agent="(.+?)".*\} (.+)/gm,
        );
        const values = new Map([...said].map(([, agent, value]) => [agent, Number(value)]));
        return values.size === 3 ? values : undefined;
      });
      for (const [agent, offset] of [
        ['eu-west', -600],
        ['us-east', 600],
        ['ap-south', 0],
      ] as const) {
        expect(Math.abs((offsets.get(agent) ?? Infinity) - offset), agent).toBeLessThan(2);
      }
    },
  );
});

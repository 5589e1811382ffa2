import {
  BigValueColorMode,
  LegendDisplayMode,
  LegendPlacement,
  StackingConfigBuilder,
  StackingMode,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  MappingType,
  QueryVariableBuilder,
  RowBuilder,
  SpecialValueMatch,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type DynamicConfigValue,
  type Threshold,
  type ValueMapping,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** Told apart by all eyes (Okabe and Ito, "Color Universal Design"). */
export const colours = {
  good: '#009E73',
  warning: '#E69F00',
  bad: '#D55E00',
  unknown: '#CC79A7',
  none: '#6E6E6E',
};

/** What a panel asks, and how its series are called. */
export interface PanelQuery {
  readonly expression: string;
  readonly legend?: string;
}

const source = { type: 'prometheus', uid: '${datasource}' };

/** Matchers of the variables every dashboard of targets has. */
export const chosen = 'job=~"$job", instance=~"$instance", check=~"$check"';

/** A dashboard over whichever datasource its reader chooses. */
export function dashboard(uid: string, title: string, description: string): DashboardBuilder {
  return new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['farpoint'])
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-6h', to: 'now' })
    .refresh('1m')
    .withVariable(
      new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    );
}

/** Variables `job`, `instance` and `check`; each narrows the ones after it. */
export function withTargetVariables(builder: DashboardBuilder): DashboardBuilder {
  return builder
    .withVariable(variable('job', 'Service', 'label_values(probe_verdict, job)'))
    .withVariable(
      variable('instance', 'Target', 'label_values(probe_verdict{job=~"$job"}, instance)'),
    )
    .withVariable(
      variable(
        'check',
        'Check',
        'label_values(probe_verdict{job=~"$job", instance=~"$instance"}, check)',
      ),
    );
}

function variable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .query({ query, refId: name })
    .datasource(source)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*');
}

/** Panels below a title. */
export interface Section {
  readonly title: string;
  readonly panels: Parameters<DashboardBuilder['withPanel']>[0][];
}

export function withSections(
  builder: DashboardBuilder,
  ...sections: readonly Section[]
): DashboardBuilder {
  for (const { title, panels } of sections) {
    builder.withRow(new RowBuilder(title));
    for (const panel of panels) builder.withPanel(panel);
  }
  return builder;
}

/** The greatest of a metric of the chosen targets, by region. */
export function byRegion(metric: string, legend = '{{check}} {{region}}'): PanelQuery {
  return { expression: `max by (check, region) (${metric}{${chosen}})`, legend };
}

/** A graph over time, half as wide as the dashboard. */
export function graph(
  title: string,
  unit: string,
  ...queries: readonly PanelQuery[]
): TimeseriesBuilder {
  const builder = new TimeseriesBuilder()
    .title(title)
    .datasource(source)
    .unit(unit)
    .min(0)
    .span(12)
    .height(8)
    .fillOpacity(8)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    );
  for (const target of targets(queries)) builder.withTarget(target.range());
  return builder;
}

/** A graph whose series add up. */
export function stacked(
  title: string,
  unit: string,
  ...queries: readonly PanelQuery[]
): TimeseriesBuilder {
  return graph(title, unit, ...queries)
    .fillOpacity(60)
    .lineWidth(0)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
}

/** Numbers of now, coloured from `steps`. */
export function numbers(
  title: string,
  unit: string,
  steps: readonly Threshold[],
  ...queries: readonly PanelQuery[]
): StatBuilder {
  const builder = new StatBuilder()
    .title(title)
    .datasource(source)
    .unit(unit)
    .span(6)
    .height(5)
    .colorMode(BigValueColorMode.Background)
    .noValue('no data')
    .thresholds(thresholds(steps));
  for (const target of targets(queries)) builder.withTarget(target.instant());
  return builder;
}

/** A table of the newest values. With several queries the rows with the same labels are one. */
export function table(title: string, ...queries: readonly PanelQuery[]): TableBuilder {
  const builder = new TableBuilder()
    .title(title)
    .datasource(source)
    .span(24)
    .height(10)
    .noValue('no data');
  for (const target of targets(queries)) {
    builder.withTarget(target.instant().format(PromQueryFormat.Table));
  }
  return queries.length > 1 ? builder.withTransformation({ id: 'merge', options: {} }) : builder;
}

/** Verdicts over time, one line a series. */
export function timeline(title: string, ...queries: readonly PanelQuery[]): StateTimelineBuilder {
  const builder = new StateTimelineBuilder()
    .title(title)
    .datasource(source)
    .span(24)
    .height(10)
    .mappings(verdictMappings)
    .thresholds(thresholds([{ value: null, color: colours.none }]))
    .fillOpacity(80)
    .lineWidth(0)
    .noValue('no data');
  for (const target of targets(queries)) builder.withTarget(target.range());
  return builder;
}

/** Words and colours for the values of `regionState`; what is not there has its own. */
export const verdictMappings: ValueMapping[] = [
  {
    type: MappingType.ValueToText,
    options: {
      '3': { text: 'up', color: colours.good, index: 0 },
      '2': { text: 'down', color: colours.bad, index: 1 },
      '1': { text: 'unknown', color: colours.unknown, index: 2 },
    },
  },
  {
    type: MappingType.SpecialValue,
    options: {
      match: SpecialValueMatch.NullAndNan,
      result: { text: 'no data', color: colours.none, index: 3 },
    },
  },
];

export const colouredCells: DynamicConfigValue = {
  id: 'custom.cellOptions',
  value: { type: 'color-background', mode: 'basic' },
};

export function thresholds(steps: readonly Threshold[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...steps]);
}

function targets(queries: readonly PanelQuery[]): readonly DataqueryBuilder[] {
  return queries.map(({ expression, legend = '__auto' }, index) =>
    new DataqueryBuilder()
      .refId(String.fromCharCode(65 + index))
      .datasource(source)
      .expr(expression)
      .legendFormat(legend),
  );
}

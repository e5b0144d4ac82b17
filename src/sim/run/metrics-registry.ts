/** Every metric with unit and definition: the list is in sim/scenario, which checks `expect:` against it. */
export { matchMetric, type MetricDef, metricDef, METRICS } from '../scenario/metrics.ts';

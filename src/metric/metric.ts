/** Face of metrics: a question in, SQL and what to read out. Pure: running the SQL is the caller's. */
export type {
  Comparison,
  CompiledQuestion,
  CompileQuestion,
  MetricQuestion,
  StoredFreshness,
  Top,
} from './question.ts'
export type { LegalDimension } from './illegal.ts'
export type { Pair } from './legal.ts'
export type { Indicator, IndicatorCount, IndicatorFilter, RefusedIndicator } from './indicators.ts'
export { compileQuestion } from './compile.ts'
export { countIndicators, listIndicators, listRefused, readIndicatorId } from './indicators.ts'
export { neededDimensions } from './kinds.ts'
export { describePair, legalDimensions } from './legal.ts'
export { stateTasks } from './states/tasks.ts'

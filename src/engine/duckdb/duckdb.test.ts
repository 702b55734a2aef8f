import { describeEngine } from '../engine.suite.ts'
import { openDuckdbEngine } from './duckdb.ts'

describeEngine('DuckDB', () => openDuckdbEngine({ threads: 2, memoryLimitBytes: 1_000_000_000 }))

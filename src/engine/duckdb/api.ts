import type * as duckdb from '@duckdb/node-api'

/** The DuckDB package as a value that is imported when an engine is opened: commands that need none start without it. */
export type DuckdbApi = typeof duckdb

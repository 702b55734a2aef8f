/** The closed list of error codes: one line says what each means. A test holds that the reference page names every one. */
export const errorCodes = {
  BUG: 'an invariant of Maru is broken; please report it',
  USAGE: 'a command was called in a way it does not know',
  NOT_FOUND: 'a named thing does not exist',
  CHECK_FAILED: 'the project has problems',

  PROJECT_NOT_FOUND: 'no maru.config.ts here or in a folder above',
  PROJECT_CONFIG: 'maru.config.ts is missing a setting or has one that is wrong',
  PROJECT_EXISTS: 'the folder already holds a project',
  PROJECT_LOAD: 'a declaration file could not be loaded',
  PROJECT_NOT_INSTALLED: 'the project folder has no maru package',

  MODEL_BAD_NAME: 'a name is not snake_case, too long, or reserved in one of the SQL dialects',
  MODEL_BAD_PATH: 'a file lies where its kind does not belong',
  MODEL_BAD_DECLARATION: 'a declaration contradicts itself',
  MODEL_MISSING_TEXT: 'a description or an owner is missing',
  MODEL_UNKNOWN_TABLE: 'a table that is not declared',
  MODEL_UNKNOWN_COLUMN: 'a column that its table does not have',
  MODEL_UNKNOWN_METRIC: 'a metric that is not declared',
  MODEL_DUPLICATE: 'two declarations share one identity',
  MODEL_CYCLE: 'declarations read each other in a circle',
  MODEL_LAYER: 'a class of table reads one that it may not read',
  MODEL_TYPE: 'a column has another type than declared',
  MODEL_COLUMNS: 'a transform produces other columns than declared',

  SQL_BIND: 'a SQL text does not bind: a name, a type or the grammar is wrong',
  SQL_NOT_PORTABLE: 'a SQL construct outside the portable subset',

  LAKE_CONFLICT: 'another writer committed to the table first',
  LAKE_CORRUPT: 'a table file is missing or damaged',
  LAKE_UNSUPPORTED: 'a table uses a feature of the format that Maru does not read',
  LAKE_SCHEMA: 'a schema change that the table cannot take',
  LAKE_NO_SNAPSHOT: 'the snapshot does not exist or has expired',

  STATE_LOST: 'the lake holds tables of which the state database knows nothing',
  STATE_NEWER: 'the state database was written by a newer Maru',
  STATE_BUSY: 'the state database stayed locked longer than the wait allows',
  STATE_FENCED: 'the lease was lost to another process before the commit',

  ENGINE_FAILED: 'the query engine stopped with an error',
  ENGINE_MEMORY: 'the query engine ran out of memory',

  SOURCE_UNREACHABLE: 'a database cannot be reached or went away',
  SOURCE_MISSING: 'a file or table of a source is missing',
  SOURCE_BAD_ROW: 'a source row cannot be read as declared',
  SOURCE_CHANGED: 'a source no longer has the shape its declaration says',

  NOT_BUILT: 'a table is read that no run has built yet',
  RUN_CHECK_FAILED: 'a check refused the rows that a task made',
  RUN_BLOCKED: 'a task did not run because one that it reads failed',
  RUN_IN_PROGRESS: 'another run is working on this project',

  METRIC_ILLEGAL: 'a metric and a dimension that do not go together',
  METRIC_BAD_QUERY: 'a question about metrics that cannot be understood',

  LOG_IN_USE: 'another process writes to the log folder',
  LOG_CORRUPT: 'a record of the log is damaged',
  LOG_EXPIRED: 'what a reader of the log has yet to read is no longer there',
  LOG_BUSY: 'more waits to be written to the log than its limit allows',
  LOG_UNREACHABLE: 'the broker that holds the log cannot be reached or does not answer',
  LOG_FAILED: 'the log stopped after an input or output error',

  COLLECT_PORT: 'the collector cannot listen on its port',

  DISK_FULL: 'no space is left on the disk',
  FILE_FAILED: 'a file could not be read or written',
} as const

export type ErrorCode = keyof typeof errorCodes

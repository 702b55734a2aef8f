/**
 * The tables of the SQLite adapter and how older ones become today's. A step, once released, is never edited: a change is
 * a new step at the end. `user_version` counts the steps a file has taken; `application_id` tells Maru's files from others.
 */
import type { DatabaseSync } from 'node:sqlite'
import { MaruError } from '../base/errors.ts'

/** `Maru` in ASCII. */
const applicationId = 0x4d617275

/** Clustered keys (`without rowid`) are the access paths that the port asks for; no table needs a second index but `run`. */
export const schemaSteps: readonly string[] = [
  `
  create table table_pointer (
    table_id text primary key,
    metadata text not null,
    version integer not null
  ) strict, without rowid;

  create table journal (
    table_id text not null,
    sequence integer not null,
    snapshot_id text not null,
    partition text not null,
    from_micros text,
    primary key (table_id, sequence)
  ) strict, without rowid;

  create table table_partition (
    table_id text not null,
    partition text not null,
    fingerprint text not null,
    rows integer not null,
    primary key (table_id, partition)
  ) strict, without rowid;

  create table task (
    task_id text primary key,
    version text not null,
    consumed text not null,
    pending text not null,
    definition text not null,
    finished_at_ms integer not null
  ) strict, without rowid;

  create table lease (
    name text primary key,
    owner text not null,
    token integer not null,
    expires_at_ms integer not null
  ) strict, without rowid;

  create table run (
    position integer primary key,
    run_id text not null unique,
    started_at_ms integer not null,
    record text not null
  ) strict;
  create index run_by_start on run (started_at_ms);

  create table scoped_value (
    scope text not null,
    name text not null,
    value text not null,
    primary key (scope, name)
  ) strict, without rowid;

  create table counter (
    name text primary key,
    value integer not null
  ) strict, without rowid;
  insert into counter values ('journal', 0), ('lease_token', 0);
  `,
  'alter table journal add column buckets text;',
  'alter table journal add column attached integer;',
]

/** What a file holds, without changing it. */
export type SchemaState = 'current' | 'older' | 'empty'

/** Throws STATE_NEWER for a file of a newer Maru and FILE_FAILED for a database that is not Maru's. */
export function schemaState(
  database: DatabaseSync,
  path: string,
  steps: readonly string[] = schemaSteps,
): SchemaState {
  const version = pragma(database, 'user_version')
  const isMaru = pragma(database, 'application_id') === applicationId
  if (!isMaru && (version !== 0 || hasTables(database))) {
    throw new MaruError('FILE_FAILED', `${path} is a database of another program`, {
      hint: 'set `state` in maru.config.ts to a file that only Maru uses',
    })
  }
  if (version > steps.length) {
    throw new MaruError(
      'STATE_NEWER',
      `${path} has format ${version}, this Maru knows formats up to ${steps.length}`,
      {
        hint: 'install the newer Maru that wrote it: npm install maru@latest',
      },
    )
  }
  if (version === steps.length) return 'current'
  return version === 0 ? 'empty' : 'older'
}

/** Takes the steps that the file has not taken. To be called inside a write transaction. */
export function upgradeSchema(
  database: DatabaseSync,
  path: string,
  steps: readonly string[] = schemaSteps,
): void {
  // Asked again inside the transaction: another process may have upgraded in between.
  if (schemaState(database, path, steps) === 'current') return
  for (const step of steps.slice(pragma(database, 'user_version'))) database.exec(step)
  database.exec(`pragma application_id = ${applicationId}; pragma user_version = ${steps.length}`)
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`pragma ${name}`).get()?.[name])
}

function hasTables(database: DatabaseSync): boolean {
  return database.prepare('select 1 from sqlite_schema limit 1').get() !== undefined
}

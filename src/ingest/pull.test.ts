import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { startPostgres } from '../../test/postgres.ts'
import type { TestPostgres } from '../../test/postgres.ts'
import { buildModel } from '../model/build.ts'
import type { RawTableModel } from '../model/model.ts'
import { rawDeclaration } from './ingest.ts'
import type { SourceTable } from './source.ts'
import { openPostgresSource } from './source/postgres.ts'

const root = path.resolve(import.meta.dirname, '../..')

const schemaSql = `
create type state as enum ('a', 'b');
create domain email as text;
create table customer (id bigint primary key, email email not null);
comment on table customer is 'people who buy';
comment on column customer.email is 'where letters go; it''s "personal"';
create table "order" (id uuid primary key, customer_id bigint not null references customer, "select" integer, "Total Amount" numeric(18, 2) not null,
  day date, bucket text, source_file text, "2nd" boolean, "값" text, state state, at1 timestamptz, wall timestamp, clock time, doc jsonb, picture bytea,
  ratio double precision, span interval, free numeric, tags text[], prices numeric(10, 4)[], internal__name text);
comment on column "order".customer_id is ${`'a description of the customer that is so long that it does not fit on a line of one hundred characters'`};
comment on column "order".state is E'first line\\nsecond \\\\ line';
create table order_line (order_id uuid references "order", line smallint, primary key (order_id, line));
create table price_change (product text, since timestamptz, price numeric(12, 2) not null, primary key (product, since));
create schema stock; create table stock.customer (id text primary key, order_id uuid references "order");
create table stock.a_table_name_that_is_rather_long_for_a_name (a_column_name_that_is_rather_long_as_well numeric(18, 2) not null);
comment on table stock.a_table_name_that_is_rather_long_for_a_name is 'a description of a table that is almost as long as its name';
comment on column stock.a_table_name_that_is_rather_long_for_a_name.a_column_name_that_is_rather_long_as_well is 'neither short';
create view seen as select * from customer;
create table parted (id integer, at1 date) partition by range (at1);
create table parted_1 partition of parted for values from ('2020-01-01') to ('2021-01-01');
`

let server: TestPostgres
let tables: readonly SourceTable[]
let folder: string

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'maru-pull-'))
  server = await startPostgres()
  const source = openPostgresSource({
    name: 'shop',
    url: await server.createDatabase('pull', schemaSql),
  })
  tables = await source.describe()
  await source.close()
})
after(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Loads the text as a project would and builds its model. */
async function modelOf(text: string): Promise<readonly RawTableModel[]> {
  const file = path.join(folder, 'shop.ts')
  await writeFile(
    file,
    text.replace("from 'maru'", `from '${pathToFileURL(path.join(root, 'src/index.ts')).href}'`),
  )
  const module = (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>
  const { model, problems } = buildModel(
    [{ path: 'raw/shop.ts', exportName: 'default', value: module['default'] }],
    {
      zone: 'UTC',
    },
  )
  assert.deepEqual(problems, [])
  return model.tables as readonly RawTableModel[]
}

describe('the declaration of a database', () => {
  it('is formatted as the formatter leaves it', async () => {
    const file = path.join(folder, 'formatted.ts')
    const text = rawDeclaration('shop', "the shop's team", tables)
    await writeFile(file, text)
    await promisify(execFile)(path.join(root, 'node_modules/.bin/oxfmt'), [
      '-c',
      path.join(root, '.oxfmtrc.json'),
      file,
    ])
    assert.equal(text, await readFile(file, 'utf8'))
  })

  it('loads as a model that has every table and column with its exact type, name in the database, key and null rule', async () => {
    const models = await modelOf(rawDeclaration('shop', 'team', tables))
    assert.equal(models.length, tables.length)
    for (const described of tables) {
      const found = models.find(
        (model) =>
          model.origin.kind === 'database' &&
          model.origin.schema === described.schema &&
          model.origin.table === described.name,
      )
      assert.ok(found !== undefined, described.name)
      const { origin } = found
      const columns = found.columns.map((column) => ({
        name: origin.names?.[column.name] ?? column.name,
        type: column.type,
        required: column.required,
      }))
      assert.deepEqual(
        columns,
        described.columns.map(({ name, type, required }) => ({ name, type, required })),
      )
    }
    const keys = new Map(models.map((model) => [model.id, model.key]))
    assert.deepEqual(keys.get('raw.shop.order_line'), ['order_id', 'line'])
    assert.deepEqual(keys.get('raw.shop.order_value'), ['id'])
    // Half of a primary key identifies nothing.
    assert.deepEqual(keys.get('raw.shop.price_change'), [])
  })

  it('takes comments as descriptions, marks what has none, and tells keys and types that have no place of their own', () => {
    const text = rawDeclaration('shop', 'team', tables)
    const says = [
      "customer: table('people who buy', {",
      `email: text('where letters go; it\\'s "personal"; email as text', { required: true })`,
      "'a description of the customer that is so long that it does not fit on a line of one hundred characters; refers to customer.id'",
      "order_value: table(\n      'order (to be described)',",
      "select_value: integer('select (to be described)', { field: 'select' })",
      "total_amount: decimal('total amount (to be described)', {",
      "since: timestamp('since (to be described); part of the primary key', { required: true })",
      "state: text('first line\\nsecond \\\\ line; state as text')",
      "prices: list(decimal('', { precision: 10, scale: 4 }), 'prices (to be described)')",
      "{ from: 'stock.customer' }",
      "day_value: date('day (to be described)', { field: 'day' })",
    ]
    for (const part of says) assert.ok(text.includes(part), `${part}\nin\n${text}`)
  })

  it('has tables and their parents, no views and no partitions', () => {
    const names = tables.map((table) => table.name)
    assert.ok(names.includes('parted') && !names.includes('parted_1') && !names.includes('seen'))
  })
})

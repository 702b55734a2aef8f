import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import {
  activity,
  attributes,
  average,
  count,
  decimal,
  distinct,
  event,
  files,
  first,
  formula,
  integer,
  key,
  last,
  list,
  merged,
  nth,
  object,
  ratio,
  refers,
  source,
  sql,
  sum,
  table,
  text,
  timestamp,
  via,
} from '../index.ts'
import { parseJson, stringifyJson } from '../base/json.ts'
import { buildModel, type LoadedDeclaration } from './build.ts'
import type { MergedModel, MetricModel, Model, TableModel } from './model.ts'
import { sourcePlace, sqlText } from './sql-names.ts'

const settings = { zone: 'Asia/Seoul', currency: 'KRW' }

function shopModel(): Model {
  const { model, problems } = buildModel(shopFiles(), settings)
  assert.deepEqual(problems, [])
  return model
}

function tableOf<Kind extends TableModel['kind']>(
  model: Model,
  id: string,
  kind: Kind,
): Extract<TableModel, { kind: Kind }> {
  const table = model.tables.find((each) => each.id === id)
  assert.equal(table?.kind, kind)
  return table as Extract<TableModel, { kind: Kind }>
}

function metricOf<Kind extends MetricModel['kind']>(
  model: Model,
  name: string,
  kind: Kind,
): Extract<MetricModel, { kind: Kind }> {
  const metric = model.metrics.find((each) => each.name === name)
  assert.equal(metric?.kind, kind)
  return metric as Extract<MetricModel, { kind: Kind }>
}

/** `name type` of each column, in order. */
function columns(table: TableModel): readonly string[] {
  return table.columns.map(({ name, type, refers }) => {
    const size = type.kind === 'decimal' ? `(${type.precision},${type.scale})` : ''
    return `${name} ${type.kind}${size}${refers === undefined ? '' : ` → ${refers}`}`
  })
}

describe('buildModel', () => {
  it('gives every declaration the id of its path, sorted', () => {
    const model = shopModel()
    assert.deepEqual(
      model.tables.map((table) => table.id),
      [
        'act.purchase',
        'merged.purchase',
        'obj.brand',
        'obj.category',
        'obj.maker',
        'obj.member',
        'obj.product',
        'obj_attr.member.grade',
        'obj_attr.member.habit',
        'raw.event',
        'raw.event.product_clicked',
        'raw.invoice_line',
        'raw.quarantine',
        'raw.shop.order_item',
        'raw.shop.orders',
      ],
    )
    assert.deepEqual(
      model.metrics.map((metric) => metric.id),
      [
        'amount_per_piece',
        'buyers',
        'french_sales',
        'mean_price',
        'members',
        'pieces',
        'rest',
        'sales',
      ].map((name) => `metric.${name}`),
    )
  })

  it('survives JSON whole, big integers included', () => {
    const big = object({
      owner: 'x',
      description: 'x',
      columns: { id: key('x') },
      sql: sql`select ${2n ** 62n} as id, ${5n}, ${-0}`,
    })
    const { model } = buildModel(
      [...shopFiles(), { path: 'obj/big.ts', exportName: 'default', value: big }],
      settings,
    )
    assert.deepEqual(parseJson(stringifyJson(model)), model)
    assert.equal(
      sqlText(tableOf(model, 'obj.big', 'object').sql),
      'select 4611686018427387904 as id, 5, 0',
    )
  })

  it('does not depend on the order of the declarations', () => {
    const declarations = shopFiles()
    assert.deepEqual(
      buildModel(declarations.toReversed(), settings),
      buildModel(declarations, settings),
    )
  })

  it('adds the columns that Maru fills, by kind', () => {
    const model = shopModel()
    const history = [
      'valid_from timestamp',
      'valid_to timestamp',
      'recorded_at timestamp',
      'version integer',
    ]
    assert.deepEqual(columns(tableOf(model, 'raw.invoice_line', 'raw_table')), [
      'invoice text',
      'invoiced_at timestamp',
      'day date',
      'source_file text',
    ])
    assert.deepEqual(columns(tableOf(model, 'raw.shop.orders', 'raw_table')), [
      'id integer',
      'member_id integer',
      'ordered_at timestamp',
      'day date',
    ])
    assert.deepEqual(columns(tableOf(model, 'raw.shop.order_item', 'raw_table')), [
      'id integer',
      'order_id integer',
      'price decimal(18,2)',
    ])
    assert.deepEqual(columns(tableOf(model, 'raw.event.product_clicked', 'raw_event')), [
      'id text',
      'occurred_at timestamp',
      'received_at timestamp',
      'anonymous_id text',
      'member_id text',
      'actor text',
      'source text',
      'bot text',
      'day date',
      'product_id integer',
      'tags list',
    ])
    assert.deepEqual(columns(tableOf(model, 'obj.brand', 'object')), [
      'id integer',
      'name text',
      'maker text → obj.maker',
    ])
    assert.deepEqual(columns(tableOf(model, 'obj.product', 'object')).slice(-4), history)
    assert.deepEqual(columns(tableOf(model, 'obj_attr.member.grade', 'attributes')), [
      'id integer',
      'grade text',
      ...history,
    ])
    assert.equal(columns(tableOf(model, 'act.purchase', 'activity')).at(-1), 'day date')
  })

  it('derives the types of attributes from what they take', () => {
    const habit = tableOf(shopModel(), 'obj_attr.member.habit', 'attributes')
    assert.deepEqual(columns(habit).slice(0, 7), [
      'id integer',
      'first_purchase_at timestamp',
      'second_product integer → obj.product',
      'last_paid decimal(18,2)',
      'purchases_1y integer',
      'spent_1y decimal(38,2)',
      'pieces integer',
    ])
    assert.deepEqual(
      habit.columns.filter((column) => column.absent === 0).map((column) => column.name),
      ['purchases_1y'],
    )
    assert.deepEqual(habit.from.kind === 'derived' && habit.from.attributes[2], {
      name: 'last_paid',
      selection: {
        kind: 'selection',
        activity: 'act.purchase',
        selector: { kind: 'last' },
        filter: { kind: 'compare', path: 'status', operator: '=', value: 'paid' },
        within: { count: 30, unit: 'day' },
        take: { kind: 'column', column: 'amount' },
      },
    })
  })

  it('gives derived attributes and metrics texts, owners and units of what they are made of', () => {
    const model = shopModel()
    const habit = tableOf(model, 'obj_attr.member.habit', 'attributes')
    assert.equal(habit.owner, 'crm')
    assert.equal(habit.description, 'attributes of obj.member: a person with an account')
    const byName = new Map(habit.columns.map((column) => [column.name, column]))
    assert.equal(
      byName.get('first_purchase_at')?.description,
      'when the order was placed, of the first purchase',
    )
    assert.equal(
      byName.get('spent_1y')?.description,
      'sum of purchase.amount: paid for the line, within 1 year',
    )
    assert.equal(byName.get('spent_1y')?.unit, 'KRW')
    const sales = metricOf(model, 'sales', 'aggregate')
    assert.deepEqual(
      [sales.owner, sales.description, sales.unit],
      ['commerce', 'sum of purchase.amount: paid for the line', 'KRW'],
    )
    const pieces = metricOf(model, 'pieces', 'aggregate')
    assert.deepEqual(
      [pieces.owner, pieces.description, pieces.unit, pieces.direction],
      ['md', 'pieces sold', 'piece', 'up'],
    )
    assert.deepEqual(metricOf(model, 'buyers', 'aggregate').synonyms, ['customers'])
    assert.equal(
      metricOf(model, 'rest', 'formula').description,
      '(sales - french_sales) / sales * 100 + -1',
    )
  })

  it('keeps how raw rows come in', () => {
    const model = shopModel()
    assert.deepEqual(tableOf(model, 'raw.invoice_line', 'raw_table').origin, {
      kind: 'files',
      format: 'csv',
      globs: ['data/*.csv.gz'],
      csv: { delimiter: ';' },
      names: { invoice: 'InvoiceNo' },
    })
    const item = tableOf(model, 'raw.shop.order_item', 'raw_table')
    assert.deepEqual(item.origin, {
      kind: 'database',
      source: 'shop',
      schema: 'sales',
      table: 'order_item',
      names: { price: 'Price' },
    })
    assert.deepEqual(item.key, ['id'])
    assert.equal(item.owner, 'commerce')
  })

  it('resolves metrics over activities, over objects, and of metrics', () => {
    const model = shopModel()
    assert.deepEqual(metricOf(model, 'french_sales', 'aggregate').selection.filter, {
      kind: 'compare',
      path: 'member.country',
      operator: '=',
      value: 'France',
    })
    const members = metricOf(model, 'members', 'object_aggregate')
    assert.deepEqual(
      [members.object, members.aggregate, members.column],
      ['obj.member', 'count', undefined],
    )
    assert.deepEqual(members.filter, {
      kind: 'compare',
      path: 'purchases_1y',
      operator: '>',
      value: 3,
    })
    const ratio = metricOf(model, 'amount_per_piece', 'ratio')
    assert.deepEqual([ratio.numerator, ratio.denominator], ['sales', 'pieces'])
    const { formula } = metricOf(model, 'rest', 'formula')
    assert.equal(formula.kind === 'binary' && formula.operator, '+')
    assert.deepEqual(
      formula.kind === 'binary' && formula.left.kind === 'binary' && formula.left.operator,
      '*',
    )
  })
})

describe('the merged table', () => {
  function mergedModel(): MergedModel {
    return tableOf(shopModel(), 'merged.purchase', 'merged')
  }

  it('has the activity’s columns and the version of each group that a reference leads to', () => {
    const table = mergedModel()
    assert.deepEqual(columns(table), columns(tableOf(shopModel(), 'act.purchase', 'activity')))
    assert.deepEqual(table.versions, [
      { column: 'member__grade_version', reference: 'member', group: 'obj_attr.member.grade' },
      { column: 'member__habit_version', reference: 'member', group: 'obj_attr.member.habit' },
      { column: 'product__product_version', reference: 'product', group: 'obj.product' },
    ])
    assert.equal(table.owner, 'commerce')
    assert.equal(table.declared, false)
  })

  it('attaches attributes over up to three references and stops at circles', () => {
    const names = mergedModel().attached.map((each) => each.column)
    assert.equal(new Set(names).size, names.length)
    for (const name of [
      'member__country',
      'member__grade',
      'member__purchases_1y',
      'product__price',
      'product__brand',
      'product__brand__name',
      'product__brand__maker__city',
      'product__category__parent',
      'member__second_product__brand__name',
    ]) {
      assert.ok(names.includes(name), name)
    }
    // A fourth reference, the parent's parent, keys, and what Maru keeps for itself.
    for (const name of [
      'member__second_product__brand__maker__city',
      'product__category__parent__name',
      'member__id',
      'product__valid_from',
      'product__version',
    ]) {
      assert.ok(!names.includes(name), name)
    }
    assert.deepEqual(
      mergedModel().attached.find((each) => each.column === 'product__brand__maker__city'),
      {
        column: 'product__brand__maker__city',
        path: ['product', 'brand', 'maker'],
        table: 'obj.maker',
        attribute: 'city',
      },
    )
  })

  it('is overridden by a file: texts, and only the groups that it names besides objects without history', () => {
    const files = shopFiles()
    const purchase = files.find((each) => each.path === 'act/purchase.ts')!.value as never
    const grade = files.find((each) => each.path === 'obj_attr/member/grade.ts')!.value as never
    const value = merged(purchase, { owner: 'bi', description: 'for the board', groups: [grade] })
    const { model, problems } = buildModel(
      [...files, { path: 'merged/purchase.ts', exportName: 'default', value }],
      settings,
    )
    assert.deepEqual(problems, [])
    const table = tableOf(model, 'merged.purchase', 'merged')
    assert.deepEqual(
      [table.owner, table.description, table.declared, table.place.file],
      ['bi', 'for the board', true, 'merged/purchase.ts'],
    )
    assert.deepEqual(
      table.versions.map((version) => version.column),
      ['member__grade_version'],
    )
    assert.deepEqual(
      table.attached.map((each) => each.column),
      ['member__country', 'member__grade'],
    )
  })

  it('takes two references to one object apart', () => {
    const member = object({
      owner: 'x',
      description: 'x',
      history: true,
      columns: { id: key('x'), country: text('x') },
      sql: sql`select 1`,
    })
    const gift = activity({
      says: '{giver} gave to {receiver}',
      owner: 'x',
      description: 'x',
      columns: {
        id: key('x'),
        occurred_at: timestamp('x'),
        giver: refers(member),
        receiver: refers(member),
      },
      by: 'giver',
      to: ['receiver'],
      sql: sql`select 1`,
    })
    const { model, problems } = buildModel(
      [
        { path: 'obj/member.ts', exportName: 'default', value: member },
        { path: 'act/gift.ts', exportName: 'default', value: gift },
      ],
      settings,
    )
    assert.deepEqual(problems, [])
    const table = tableOf(model, 'merged.gift', 'merged')
    assert.deepEqual(
      table.attached.map((each) => each.column),
      ['giver__country', 'receiver__country'],
    )
    assert.deepEqual(
      table.versions.map((each) => each.column),
      ['giver__member_version', 'receiver__member_version'],
    )
  })
})

describe('places', () => {
  const indexUrl = new URL('../index.ts', import.meta.url).href
  const project: Readonly<Record<string, string>> = {
    'lib/common.ts': `import { sql } from '${indexUrl}'\nexport const one = sql\`1 as id\`\n`,
    'obj/member.ts': [
      `import { key, object, sql, text } from '${indexUrl}'`,
      `import { one } from '../lib/common.ts'`,
      'const limit: number = 5',
      'export default object({',
      "  owner: 'crm', description: 'a person', columns: { id: key('member'), country: text('where') },",
      '  sql: sql`',
      '    select ${one}, \\`tick\\`,',
      '      oops as country from somewhere limit ${limit}`,',
      '})',
      '',
    ].join('\r\n'),
    'metric/people.ts': [
      `import { count, ratio } from '${indexUrl}'`,
      `import member from '../obj/member.ts'`,
      'interface Unused { readonly a: string }',
      'export const people = count(member)',
      '  export const each = ratio(people, people)',
    ].join('\n'),
  }

  async function load(folder: string): Promise<readonly LoadedDeclaration[]> {
    const declarations: LoadedDeclaration[] = []
    for (const path of ['metric/people.ts', 'obj/member.ts']) {
      const module = (await import(pathToFileURL(join(folder, path)).href)) as Record<
        string,
        unknown
      >
      declarations.push(
        ...Object.entries(module).map(([exportName, value]) => ({ path, exportName, value })),
      )
    }
    return declarations
  }

  it('are those of the author’s files: of tables, metrics, templates, and of each character of a transform', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'maru-model-'))
    try {
      for (const [path, text] of Object.entries(project)) {
        await mkdir(dirname(join(folder, path)), { recursive: true })
        await writeFile(join(folder, path), text)
      }
      const { model } = buildModel(await load(folder), settings)
      assert.deepEqual(metricOf(model, 'people', 'object_aggregate').place, {
        file: 'metric/people.ts',
        line: 4,
        column: 23,
      })
      assert.deepEqual(metricOf(model, 'each', 'ratio').place, {
        file: 'metric/people.ts',
        line: 5,
        column: 23,
      })
      const source = await readFile(join(folder, 'obj/member.ts'), 'utf8')
      const member = model.tables.find((each) => each.id === 'obj.member')
      assert.ok(member?.kind === 'object')
      assert.deepEqual(member.place, { file: 'obj/member.ts', line: 4, column: 16 })
      assert.deepEqual(member.sql.place, { file: 'obj/member.ts', line: 6, column: 11 })
      const made = sqlText(member.sql)
      assert.equal(
        made,
        '\n    select 1 as id, `tick`,\n      oops as country from somewhere limit 5',
      )
      assert.deepEqual(sourcePlace(member.sql, made.indexOf('oops'), source), {
        file: 'obj/member.ts',
        line: 8,
        column: 7,
      })
      assert.deepEqual(sourcePlace(member.sql, made.indexOf('as id'), source), {
        file: 'obj/member.ts',
        line: 7,
        column: 12,
      })
      assert.deepEqual(sourcePlace(member.sql, made.indexOf('tick'), source), {
        file: 'obj/member.ts',
        line: 7,
        column: 22,
      })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe('two copies of the package', () => {
  it('can meet in one project', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'maru-copy-'))
    try {
      for (const part of ['index.ts', 'model', 'base'])
        await cp(new URL(`../${part}`, import.meta.url), join(folder, part), { recursive: true })
      const copy = (await import(pathToFileURL(join(folder, 'index.ts')).href)) as {
        readonly count: typeof count
        readonly key: typeof key
        readonly object: typeof object
        readonly sql: typeof sql
      }
      assert.notEqual(copy.count, count)
      const member = copy.object({
        owner: 'x',
        description: 'x',
        columns: { id: copy.key('x') },
        sql: copy.sql`select 1 as id`,
      })
      const declarations = [
        { path: 'obj/member.ts', exportName: 'default', value: member },
        { path: 'metric/x.ts', exportName: 'members', value: count(member) },
      ]
      const { model, problems } = buildModel(declarations, settings)
      assert.deepEqual(problems, [])
      assert.equal(model.metrics.length, 1)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe('speed', () => {
  it('builds 2,000 declarations in well under a second', () => {
    const declarations = manyDeclarations(2_000)
    assert.equal(declarations.length, 2_000)
    buildModel(declarations, settings)
    const start = performance.now()
    const { problems } = buildModel(declarations, settings)
    const durationMs = performance.now() - start
    assert.deepEqual(problems, [])
    // The aim is 300 ms; the bound leaves room for a busy machine.
    assert.ok(durationMs < 1_500, `${durationMs} ms`)
  })
})

/** A project of `count` files: a fifth objects, two fifths activities, a fifth attributes, a fifth metrics. */
function manyDeclarations(size: number): readonly LoadedDeclaration[] {
  const declarations: LoadedDeclaration[] = []
  for (let index = 0; declarations.length < size; index++) {
    const thing = object({
      owner: 'x',
      description: 'a thing',
      history: index % 2 === 0,
      columns: {
        id: key('thing'),
        name: text('name'),
        size: integer('size'),
        color: text('color'),
        place: text('place'),
      },
      sql: sql`select 1 as id`,
    })
    const first = oneActivity(thing)
    declarations.push(
      { path: `obj/thing_${index}.ts`, exportName: 'default', value: thing },
      { path: `act/use_${index}.ts`, exportName: 'default', value: first },
      { path: `act/buy_${index}.ts`, exportName: 'default', value: oneActivity(thing) },
      {
        path: `obj_attr/thing/habit_${index}.ts`,
        exportName: 'default',
        value: attributes(thing, { uses: count(first).within('1 year'), total: sum(first.amount) }),
      },
      { path: `metric/m_${index}.ts`, exportName: `total_${index}`, value: sum(first.amount) },
    )
  }
  return declarations.slice(0, size)
}

// oxlint-disable-next-line typescript/explicit-function-return-type
function oneActivity(thing: ReturnType<typeof object>) {
  return activity({
    says: '{thing} was used',
    owner: 'x',
    description: 'a use',
    columns: {
      id: key('use'),
      occurred_at: timestamp('when'),
      thing: refers(thing),
      amount: integer('how much'),
      note: text('why'),
      kind: text('kind'),
    },
    by: 'thing',
    sql: sql`select 1 as id from ${thing}`,
  })
}

/** A small shop as its author would write it: every export of its files. */
function shopFiles(): readonly LoadedDeclaration[] {
  const shop = source({
    owner: 'commerce',
    from: 'shop',
    tables: {
      orders: table(
        'orders as placed',
        { id: key('order'), member_id: integer('who ordered'), ordered_at: timestamp('when') },
        { by: 'ordered_at' },
      ),
      order_item: table(
        'lines of orders',
        {
          id: key('line'),
          order_id: integer('the order'),
          price: decimal('price', { field: 'Price' }),
        },
        { from: 'sales.order_item' },
      ),
    },
  })

  const invoiceLine = files({
    owner: 'sales',
    description: 'every line as it came',
    path: ['data/*.csv.gz'],
    format: 'csv',
    csv: { delimiter: ';' },
    by: 'invoiced_at',
    columns: { invoice: text('number', { field: 'InvoiceNo' }), invoiced_at: timestamp('when') },
  })

  const clicked = event({
    owner: 'growth',
    description: 'a visitor opened a product',
    name: 'product clicked',
    properties: {
      product_id: integer('the product', { required: true }),
      tags: list('text', 'words'),
    },
    example: { product_id: 42, tags: ['sale'] },
  })

  const maker = object({
    owner: 'md',
    description: 'a company that makes things',
    columns: { id: key('maker', { type: 'text' }), city: text('where it sits') },
    sql: sql`select 'm' as id, 'Seoul' as city`,
  })

  const brand = object({
    owner: 'md',
    description: 'a name that things are sold under',
    columns: { id: key('brand'), name: text('name'), maker: refers(maker) },
    sql: sql`select 1 as id, 'b' as name, 'm' as maker`,
  })

  const category = object({
    owner: 'md',
    description: 'a shelf',
    columns: {
      id: key('category'),
      name: text('name'),
      parent: refers(() => category, 'the shelf above'),
    },
    sql: sql`select 1 as id, 'c' as name, null as parent`,
  })

  const product = object({
    owner: 'md',
    description: 'a thing on sale',
    history: true,
    columns: {
      id: key('product'),
      brand: refers(brand),
      category: refers(category, undefined, { orphans: 'allowed' }),
      price: decimal('list price', { unit: 'KRW' }),
    },
    sql: sql`select 1 as id, 1 as brand, 1 as category, 2.00 as price, now() as valid_from`,
  })

  const member = object({
    owner: 'crm',
    description: 'a person with an account',
    columns: { id: key('member'), country: text('where the member lives', { tags: ['personal'] }) },
    sql: sql`select id, country from ${shop.orders}`,
  })

  const purchase = activity({
    says: '{member} bought {product}',
    owner: 'commerce',
    description: 'one order line',
    columns: {
      id: key('order line'),
      occurred_at: timestamp('when the order was placed'),
      member: refers(member),
      product: refers(product),
      quantity: integer('pieces'),
      amount: decimal('paid for the line', { unit: 'KRW' }),
      status: text('state'),
    },
    by: 'member',
    to: ['product'],
    checks: (row) => ({ quantity_is_positive: row.quantity.above(0) }),
    sql: sql`select i.id, o.ordered_at as occurred_at, o.member_id as member, i.product_id as product, i.quantity,
      i.quantity * i.price as amount, o.status
    from ${shop.order_item} i join ${shop.orders} o on o.id = i.order_id`,
  })

  const habit = attributes(member, {
    first_purchase_at: first(purchase).occurred_at,
    second_product: nth(purchase, 2).product,
    last_paid: last(purchase).where(purchase.status.is('paid')).within('30 days').amount,
    purchases_1y: count(purchase).within('1 year'),
    spent_1y: sum(purchase.amount).within('1 year'),
    pieces: sum(purchase.quantity),
  })

  const grade = attributes(
    member,
    {
      history: true,
      columns: { grade: text('loyalty grade') },
      sql: sql`select member_id as id, 'gold' as grade, ordered_at as valid_from from ${shop.orders}`,
    },
    { owner: 'crm', description: 'loyalty grade', orphans: 'allowed' },
  )

  const sales = sum(purchase.amount)
  const pieces = sum(purchase.quantity, {
    description: 'pieces sold',
    owner: 'md',
    unit: 'piece',
    direction: 'up',
  })
  const buyers = distinct(purchase.member, { synonyms: ['customers'] })
  const french_sales = sum(purchase.amount).where(via(purchase.member, member.country).is('France'))
  const amount_per_piece = ratio(sales, pieces)
  const rest = formula`(${sales} - ${french_sales}) / ${sales} * 100 + -1`
  const members = count(member).where(habit.purchases_1y.above(3))
  const mean_price = average(product.price)

  return [
    { path: 'raw/shop.ts', exportName: 'default', value: shop },
    { path: 'raw/invoice_line.ts', exportName: 'default', value: invoiceLine },
    { path: 'raw/event/product_clicked.ts', exportName: 'default', value: clicked },
    { path: 'obj/maker.ts', exportName: 'default', value: maker },
    { path: 'obj/brand.ts', exportName: 'default', value: brand },
    { path: 'obj/category.ts', exportName: 'default', value: category },
    { path: 'obj/product.ts', exportName: 'default', value: product },
    { path: 'obj/member.ts', exportName: 'default', value: member },
    { path: 'act/purchase.ts', exportName: 'default', value: purchase },
    { path: 'obj_attr/member/habit.ts', exportName: 'default', value: habit },
    { path: 'obj_attr/member/grade.ts', exportName: 'default', value: grade },
    ...Object.entries({
      sales,
      pieces,
      buyers,
      french_sales,
      amount_per_piece,
      rest,
      members,
      mean_price,
    }).map(([exportName, value]) => ({ path: 'metric/sales.ts', exportName, value })),
  ]
}

/** Every command as a real process on a project that `maru init` made. */
import { strict as assert } from 'node:assert'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { maruCommand, runMaru } from './run-maru.ts'
import type { Finished } from './run-maru.ts'

const commands =
  'init pull check plan run list indicators show metric query keys compact recover demo'.split(' ')

type JsonRows = readonly Readonly<Record<string, unknown>>[]

describe('the command line', () => {
  let parent: string
  let project: string
  const maru = (...args: readonly string[]): Promise<Finished> => runMaru(project, ...args)

  before(async () => {
    parent = await mkdtemp(path.join(tmpdir(), 'maru-cli-'))
    project = path.join(parent, 'shop')
    const made = await runMaru(parent, 'init', 'shop', '--zone', 'Asia/Seoul')
    assert.deepEqual([made.code, made.stderr], [0, ''])
    assert.match(made.stdout, /^\d+ files written .*\nnext: cd shop && maru run && maru list\n$/)
    const run = await maru('run', '--format', 'json')
    assert.deepEqual([run.code, run.stderr], [0, ''])
    for (const task of JSON.parse(run.stdout) as JsonRows) assert.equal(task['status'], 'published')
  })

  after(async () => {
    await rm(parent, { recursive: true, force: true })
  })

  async function json(...args: readonly string[]): Promise<JsonRows> {
    const { code, stdout, stderr } = await maru(...args, '--format', 'json')
    assert.deepEqual([code, stderr], [0, ''], args.join(' '))
    return JSON.parse(stdout) as JsonRows
  }

  async function refused(args: readonly string[], code: 1 | 2, says: RegExp): Promise<void> {
    const found = await maru(...args)
    assert.equal(found.code, code, `${args.join(' ')}: ${found.stderr}`)
    assert.equal(found.stdout, '', 'nothing but data goes to standard output')
    assert.match(found.stderr, /^maru: [^\n]+\n$/, 'an error is one line')
    assert.match(found.stderr, says)
    assert.match(found.stderr, / \[[A-Z_]+\] → \S/, 'an error says what to do')
  }

  describe('explains', { concurrency: 4 }, () => {
    it('each command with --help', async () => {
      const pages = await Promise.all(commands.map((name) => maru(name, '--help')))
      for (const [index, page] of pages.entries()) {
        const name = commands[index]!
        assert.deepEqual([page.code, page.stderr], [0, ''], name)
        assert.ok(page.stdout.startsWith(`maru ${name} `), page.stdout)
        assert.match(page.stdout, /\nExamples?:\n {2}maru /)
        assert.match(page.stdout, /\nOptions:\n/)
      }
    })

    it('one command with help NAME, and its version', async () => {
      const [help, page, version] = await Promise.all([
        maru('help', 'query'),
        maru('query', '--help'),
        maru('--version'),
      ])
      assert.deepEqual(help, page)
      assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
    })

    it('all commands with --help, and without a command exits 2', async () => {
      const [help, bare] = await Promise.all([maru('--help'), maru()])
      for (const name of commands) assert.match(help.stdout, new RegExp(`^ {2}${name} `, 'm'))
      assert.deepEqual([help.code, bare.code, bare.stdout], [0, 2, help.stdout])
    })
  })

  describe('prints', { concurrency: 4 }, () => {
    it('rows of a query as JSON: decimals as digits, times in ISO 8601, null as null', async () => {
      const sql =
        'select m.id, m.country, p.amount, p.occurred_at, p.day from obj.member m left join act.purchase p on p.member = m.id where m.id in (4, 5) order by p.id'
      assert.deepEqual(await json('query', sql), [
        {
          id: 4,
          country: 'DE',
          amount: '39.00',
          occurred_at: '2026-02-14T03:00:00Z',
          day: '2026-02-14',
        },
        {
          id: 4,
          country: 'DE',
          amount: '49.00',
          occurred_at: '2026-02-14T03:00:00Z',
          day: '2026-02-14',
        },
        {
          id: 5,
          country: null,
          amount: '76.50',
          occurred_at: '2026-02-21T09:30:00Z',
          day: '2026-02-21',
        },
      ])
    })

    it('rows as CSV, an empty text apart from null', async () => {
      const sql = `select 'a,b' as x, 'say "no"' as y, 'two\nlines' as z, null as n, '' as e, 1.50 as d`
      const { stdout, code } = await maru('query', sql, '--format', 'csv')
      assert.equal(code, 0)
      assert.equal(stdout, 'x,y,z,n,e,d\n"a,b","say ""no""","two\nlines",,"",1.50\n')
    })

    it('rows as a table, with numbers to the right', async () => {
      const { stdout } = await maru('metric', 'sales', '--by', 'member.country')
      const [table, source] = stdout.split('\n\n')
      assert.equal(
        table,
        'member.country   sales\n──────────────  ──────\nDE               88.00\nFR              253.50\nKR              565.50\n·                76.50',
      )
      assert.match(source!, /^from activities act\.purchase, built 20\S+Z, version [\da-f]{8}\n$/)
    })

    it('where a number comes from, of which version and when it was built', async () => {
      const [row] = await json('metric', 'sales', '--sources')
      assert.deepEqual(Object.keys(row!), ['metric', 'from', 'table', 'version', 'built_at'])
      assert.deepEqual(
        [row!['metric'], row!['from'], row!['table']],
        ['sales', 'activities', 'act.purchase'],
      )
    })

    it('an empty result in each format', async () => {
      const sql = 'select id, name from obj.product where id < 0'
      const [asJson, csv, table] = await Promise.all(
        ['json', 'csv', 'table'].map((format) => maru('query', sql, '--format', format)),
      )
      assert.deepEqual(JSON.parse(asJson!.stdout), [])
      assert.equal(csv!.stdout, 'id,name\n')
      assert.equal(table!.stdout, 'id  name\n──  ────\n')
    })

    it('a metric by the dimensions as asked for', async () => {
      const rows = await json(
        'metric',
        'sales',
        'buyers',
        '--by=product.brand,month',
        '--from=2026-01-01',
        '--to=2026-02-01',
        "--where=member.country = 'KR'",
      )
      assert.deepEqual(rows, [
        { 'product.brand': 'Dol', month: '2026-01-01', sales: '25.50', buyers: 1 },
        { 'product.brand': 'Hanok', month: '2026-01-01', sales: '189.00', buyers: 1 },
        { 'product.brand': 'Namu', month: '2026-01-01', sales: '78.00', buyers: 1 },
      ])
    })

    it('the top of a dimension with the others as one group, and a total of all', async () => {
      const top = '1 member.country by sales'
      const rows = await json(
        'metric',
        'sales',
        '--by',
        'member.country',
        '--top',
        top,
        '--others',
        '--totals',
        'all',
        '--having',
        'sales > 100',
      )
      assert.deepEqual(rows, [
        { 'member.country': 'KR', sales: '565.50', total__by: null },
        { 'member.country': 'others', sales: '418.00', total__by: null },
        { 'member.country': null, sales: '983.50', total__by: '' },
      ])
      const limited = await json(
        'metric',
        'sales',
        '--by',
        'member.country',
        '--limit',
        '1',
        '--totals',
        'all',
      )
      assert.deepEqual(
        limited.map((row) => row['sales']),
        ['88.00', '983.50'],
      )
    })

    it('a metric beside the time before, and combinations without a metric', async () => {
      const [row] = await json(
        'metric',
        'buyers',
        '--compare',
        'previous',
        '--from',
        '2026-01-01',
        '--to',
        '2026-02-01',
      )
      assert.deepEqual(Object.keys(row!), [
        'buyers',
        'buyers__before',
        'buyers__change',
        'buyers__change_rate',
      ])
      const brands = await json('metric', '--of', 'act.purchase', '--by', 'product.brand')
      assert.ok(brands.some((each) => each['product.brand'] === 'Hanok'))
    })

    it('every table and metric, with the rows that a query counts', async () => {
      const listed = await json('list')
      const ids = listed.map((each) => each['id'])
      assert.equal(new Set(ids).size, ids.length)
      for (const id of ['raw.order_line', 'obj.member', 'act.purchase', 'merged.purchase'])
        assert.ok(ids.includes(id), id)
      const purchase = listed.find((each) => each['id'] === 'act.purchase')!
      assert.deepEqual(
        [purchase['kind'], purchase['owner'], purchase['rows']],
        ['activity', 'commerce', 12],
      )
      assert.match(String(purchase['built_at']), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
      const sales = listed.find((each) => each['id'] === 'metric.sales')!
      assert.deepEqual([sales['kind'], sales['rows']], ['metric', null])
    })

    it('says what each kind of thing is, with an example that runs', async () => {
      const ids =
        'raw.order_line obj.member act.purchase obj_attr.member.habit merged.purchase metric.sales'
      for (const id of ids.split(' ')) {
        const { stdout, code } = await maru('show', id, '--format', 'json')
        assert.equal(code, 0, id)
        const shown = JSON.parse(stdout) as Readonly<Record<string, unknown>>
        for (const field of ['description', 'grain', 'owner', 'file', 'example'])
          assert.match(String(shown[field]), /\w/, `${id} ${field}`)
        assert.ok((shown['columns'] as unknown[]).length > 0)
        const words = /^maru (\w+) ("[^"]+"|.*)$/.exec(String(shown['example']))!
        const rest = words[2]!.startsWith('"') ? [words[2]!.slice(1, -1)] : words[2]!.split(' ')
        assert.equal((await maru(words[1]!, ...rest)).code, 0, String(shown['example']))
      }
      const { stdout } = await maru('show', 'merged.purchase')
      assert.match(
        stdout,
        /^upstream {4}act\.purchase, obj_attr\.member\.habit, obj\.member, obj\.product$/m,
      )
      assert.match(stdout, /^downstream .*metric\.sales/m)
      assert.match(stdout, /^freshness {3}up to date, built .*, 12 rows in /m)
    })

    it('says what a table of states is, though no file declares it', async () => {
      const { stdout, code } = await maru('show', 'state.day.purchase__member')
      assert.equal(code, 0)
      assert.match(stdout, /^grain {7}one row per period and member/m)
      assert.match(stdout, /^freshness {3}stale: never built/m)
      assert.match(stdout, /^upstream {4}merged\.purchase/m)
      assert.match(stdout, /^example {5}maru run state\.day\.purchase__member$/m)
    })

    it('no table of three parts or more that there is not, by its name', async () => {
      for (const name of ['act.shop.purchase', 'state.day.purchase.member']) {
        const { stderr, code } = await maru('query', `select * from ${name}`)
        assert.notEqual(code, 0)
        assert.match(stderr, new RegExp(`there is no table ${name} \\[MODEL_UNKNOWN_TABLE\\] → `))
      }
    })

    it('only so many rows, and says so beside them', async () => {
      const { stdout, stderr } = await maru(
        'query',
        'select id from act.purchase order by id',
        '--limit=2',
        '--format=json',
      )
      assert.deepEqual(JSON.parse(stdout), [{ id: 1 }, { id: 2 }])
      assert.match(stderr, /only the first 2 rows/)
    })
  })

  describe('understands in a query', { concurrency: 4 }, () => {
    const asked: readonly (readonly [string, string, JsonRows])[] = [
      ['a merged table’s count', 'select count(*) as n from merged.purchase', [{ n: 12 }]],
      [
        'attributes of then',
        "select count(*) as n from merged.purchase where product__brand = 'Namu' and member__purchases_1y > 1",
        [{ n: 5 }],
      ],
      [
        'a common table expression and joins',
        'with b as (select member, sum(amount) as paid from act.purchase group by member) select m.country, b.paid from b join obj.member m on m.id = b.member where b.paid > 270',
        [{ country: 'KR', paid: '337.50' }],
      ],
      ['quoted ids', 'select count(*) as n from "obj"."product"', [{ n: 4 }]],
      ['a comment at the end', 'select count(*) as n from obj.product -- act.nothing', [{ n: 4 }]],
      ['a semicolon at the end', 'select count(*) as n from obj.product ;\n', [{ n: 4 }]],
      ['no table', 'select 1 + 1 as n', [{ n: 2 }]],
      ['any case', 'SELECT Count(*) AS n FROM Merged.Purchase', [{ n: 12 }]],
      [
        'two columns of one name',
        'select p.id, q.id from obj.member p join obj.member q on q.id = p.id + 4',
        [{ id: 1, id_2: 5 }],
      ],
      [
        'a description of a merged table',
        "select count(*) as n from (describe merged.purchase) where column_name in ('member__country', 'amount', 'day')",
        [{ n: 3 }],
      ],
      [
        'numbers that are none',
        "select 'Infinity'::double > 1 as a, 1e400::double > 1 as b",
        [{ a: true, b: true }],
      ],
    ]
    for (const [what, sql, rows] of asked)
      it(what, async () => assert.deepEqual(await json('query', sql), rows))
  })

  describe('refuses in a query', { concurrency: 4 }, () => {
    const texts: readonly (readonly [string, RegExp])[] = [
      ['select 1; select 2', /not one SELECT statement but 2/],
      ['select 1; drop table act.purchase', /not one SELECT/],
      ['drop table act.purchase', /drop does not ask/],
      ["copy (select 1) to 'out.csv'", /copy does not ask/],
      ["attach 'other.db' as other", /attach does not ask/],
      ['install httpfs', /install does not ask/],
      ["set memory_limit = '1GB'", /set does not ask/],
      ["select * from read_csv('/etc/hostname')", /may not read the file \/etc\/hostname/],
      ["select * from '/etc/hostname.csv'", /may not read the file/],
      ["select content from read_text('/etc/hostname')", /may not read the file/],
      ["select * from glob('/etc/*')", /may not read the file/],
      ["from query('select * from read_blob(''/etc/hostname'')')", /may not read the file/],
      ['', /there is no statement/],
      ['select nme from obj.product', /^maru: sql:1:8: there is no column "nme".*name/],
      ['select id,\n  prise from obj.product', /^maru: sql:2:3: .*Did you mean "price"/],
      ['select * from obj.membr', /^maru: sql:1:15: .*Did you mean "obj\.member"/],
      ['select member.country from merged.purchase', /the column member__country/],
      ['select count(*) from metric.sales', /it is a metric.*maru metric sales/],
      ['select * from obj.member where id = $1', /takes no parameters/],
      ['select count(* from obj.member', /^maru: sql:1:16: syntax error/],
    ]
    for (const [sql, says] of texts)
      it(sql === '' ? 'nothing' : sql.replaceAll('\n', ' '), () => refused(['query', sql], 1, says))
  })

  describe('is used wrongly (exit 2)', { concurrency: 4 }, () => {
    const uses: readonly (readonly [string, RegExp])[] = [
      ['lst', /no command "lst".*Did you mean "list"/],
      ['run --form csv', /no option --form .*Did you mean "--from"/],
      ['run --from', /--from takes a value/],
      ['run --from 2011-02-30', /"2011-02-30" is not a day.*YYYY-MM-DD/],
      ['run --from 2011-02-01 --to 2011-02-01', /no day is from/],
      ['metric sales --from yesterday', /"yesterday" is not a day/],
      ['metric sales --limit some', /--limit takes a whole number/],
      ['metric', /at least one metric/],
      ['metric sales --others', /--others is what --top leaves/],
      ['metric sales --top 3', /--top takes a count, a dimension and a metric/],
      ['list --format xml', /"xml" is not a format.*--format json/],
      ['show', /show takes one id/],
      ['show a.b c.d', /show takes one id/],
      ['query', /query takes one SQL text/],
      ['init', /init takes one folder/],
      ['init other --zone Mars/Olympus', /"Mars\/Olympus" is not a time zone/],
      ['pull', /pull takes one source/],
      ['check everything', /check takes no "everything"/],
    ]
    for (const [use, says] of uses) it(use, () => refused(use.split(' '), 2, says))
  })

  describe('fails (exit 1)', { concurrency: 4 }, () => {
    const uses: readonly (readonly [string, RegExp])[] = [
      ['show act.purchas', /no table or metric "act\.purchas".*Did you mean "act\.purchase"/],
      ['run act.purchas', /Did you mean "act\.purchase"/],
      ['plan obj.membr', /Did you mean "obj\.member"/],
      ['compact obj.membr', /Did you mean "obj\.member"/],
      ['run metric.sales', /is a metric, not a table.*maru metric sales/],
      ['metric sale', /no metric is called "sale".*Did you mean "sales"/],
      ['metric sales --by member.contry', /no dimension "member\.contry".*member\.country/],
      ['metric members --by product.brand', /does not go with "product\.brand"/],
      ['pull shop', /there is no source "shop"/],
      ['init .', /already holds/],
      ['list --project /nowhere', /no maru\.config\.ts in \/nowhere.*maru init/],
    ]
    for (const [use, says] of uses) it(use, () => refused(use.split(' '), 1, says))
  })

  it('finds the project from a folder inside it, and by --project', async () => {
    const sql = 'select count(*) as n from obj.product'
    const inside = await runMaru(path.join(project, 'act'), 'query', sql, '--format', 'csv')
    const named = await runMaru(parent, 'query', sql, '--format', 'csv', '--project', 'shop')
    assert.deepEqual([inside.stdout, named.stdout], ['n\n4\n', 'n\n4\n'])
    const lost = await runMaru(parent, 'list')
    assert.equal(lost.code, 1)
    assert.match(lost.stderr, /PROJECT_NOT_FOUND.*--project DIR/)
  })

  it('checks: every problem one line with its place, as JSON one document, exit 1', async () => {
    const clean = await maru('check')
    assert.deepEqual([clean.code, clean.stderr], [0, ''])
    assert.match(clean.stdout, /^no problems; \d+ transforms bind\n$/)
    assert.deepEqual(await json('check'), [])
    await edited('act/purchase.ts', ['ordered_at as', 'orderd_at as'], async () => {
      const table = await maru('check')
      assert.deepEqual([table.code, table.stdout], [1, ''])
      assert.match(table.stderr, /^act\/purchase\.ts:\d+:\d+: .*orderd_at.*→ .*ordered_at/m)
      const asJson = await maru('check', '--format', 'json')
      assert.deepEqual([asJson.code, asJson.stderr], [1, ''])
      const [problem] = JSON.parse(asJson.stdout) as JsonRows
      assert.deepEqual([problem!['file'], problem!['id']], ['act/purchase.ts', 'act.purchase'])
      await refused(['query', 'select 1'], 1, /act\/purchase\.ts.*Did you mean "ordered_at"/)
    })
  })

  it('leaves the project free when a run is stopped by Ctrl-C', async () => {
    const child = spawn(process.execPath, [maruCommand, 'run', '--full'], {
      cwd: project,
      stdio: 'ignore',
    })
    const ended = once(child, 'exit')
    await setTimeout(600)
    child.kill('SIGINT')
    await ended
    const next = await maru('run')
    assert.deepEqual([next.code, next.stderr], [0, ''])
  })

  it('ends quietly when nobody reads on', async () => {
    const child = spawn(
      process.execPath,
      [maruCommand, 'query', 'select * from range(300000)', '--limit=300000', '--format=csv'],
      { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let stderr = ''
    child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()))
    child.stdout.once('data', () => child.stdout.destroy())
    assert.deepEqual(await once(child, 'close'), [0, null])
    assert.equal(stderr, '')
  })

  it('publishes nothing when run twice', async () => {
    const tasks = await json('run')
    assert.ok(tasks.length > 0)
    for (const task of tasks) assert.equal(task['status'], 'unchanged', String(task['id']))
    const { stdout, code } = await maru('run')
    assert.equal(code, 0)
    assert.match(stdout, /^0 published, \d+ unchanged, 0 failed, 0 blocked in [\d.]+ s\n$/)
    assert.equal((await maru('plan')).stdout, 'nothing is stale\n')
    assert.deepEqual(await json('plan'), [])
  })

  it('plans a changed definition by column, builds it, and plans nothing then', async () => {
    await edited(
      'act/purchase.ts',
      ['quantity * price as', 'quantity * price * 2 as'],
      async () => {
        const planned = await json('plan')
        const purchase = planned.find((task) => task['id'] === 'act.purchase')!
        assert.deepEqual(
          (purchase['columns'] as JsonRows).map((each) => [each['column'], each['change']]),
          [['amount', 'value']],
        )
        assert.ok(!planned.some((task) => task['id'] === 'obj.member'))
        assert.equal((await maru('run', 'merged.purchase')).code, 0)
        assert.deepEqual(await json('metric', 'sales'), [{ sales: '1967.00' }])
        assert.equal((await maru('plan')).stdout, 'nothing is stale\n')
      },
    )
    assert.equal((await maru('run')).code, 0)
    assert.deepEqual(await json('metric', 'sales'), [{ sales: '983.50' }])
  })

  it('builds only the days asked for, and the rest later', async () => {
    const more = path.join(project, 'data/order_line_2.csv')
    await writeFile(
      more,
      'id,order_id,ordered_at,member_id,product_id,quantity,price\n13,109,2026-04-02 10:00:00,1,10,1,39.00\n14,110,2026-05-02 10:00:00,1,10,1,39.00\n',
    )
    assert.equal((await maru('run', '--from', '2026-04-01', '--to', '2026-05-01')).code, 0)
    const days = 'select day from act.purchase where id > 12 order by day'
    assert.deepEqual(await json('query', days), [{ day: '2026-04-02' }])
    assert.match((await maru('plan')).stdout, /^act\.purchase +day=2026-05-02/m)
    assert.equal((await maru('run')).code, 0)
    assert.deepEqual(await json('query', days), [{ day: '2026-04-02' }, { day: '2026-05-02' }])
    await rm(more)
    assert.equal((await maru('run')).code, 0)
    assert.deepEqual(await json('query', days), [])
  })

  it('lists a table whose declaration was removed as undeclared', async () => {
    const declaration = path.join(project, 'obj_attr/member/habit.ts')
    const text = await readFile(declaration, 'utf8')
    await rm(declaration)
    try {
      const listed = await json('list')
      assert.equal(
        listed.find((each) => each['id'] === 'obj_attr.member.habit')?.['kind'],
        'undeclared',
      )
    } finally {
      await writeFile(declaration, text)
    }
  })

  it('has nothing to build after its folder was moved, and leaves nothing where it was', async () => {
    const moved = path.join(parent, 'moved')
    await rename(project, moved)
    try {
      assert.equal((await runMaru(moved, 'plan')).stdout, 'nothing is stale\n')
      assert.match((await runMaru(moved, 'run', '--full')).stdout, /^0 published, /m)
      await assert.rejects(access(project))
    } finally {
      await rename(moved, project)
    }
  })

  it('rebuilds with --full and compacts without making anything stale', async () => {
    const question = ['query', 'select * from merged.purchase order by id'] as const
    const before = await json(...question)
    const full = await json('run', '--full')
    assert.ok(
      full.every((task) => task['status'] === 'unchanged' || task['status'] === 'published'),
    )
    assert.deepEqual(await json(...question), before)
    const compacted = await json('compact')
    assert.deepEqual(Object.keys(compacted[0]!), [
      'id',
      'files_before',
      'files_after',
      'snapshots_removed',
      'orphans_removed',
    ])
    assert.deepEqual(await json(...question), before)
    assert.equal((await maru('plan')).stdout, 'nothing is stale\n')
  })

  it('reads a table of states in a query once it is built, and offers the nearest for one that there is not', async () => {
    const sales = 'select sum(sales__sum) as sales from state.day.purchase__member'
    await refused(['query', sales], 1, /has never been built \[NOT_BUILT\] → maru run state\.day/)
    assert.equal((await maru('run', 'state.day.purchase__member')).code, 0)
    assert.deepEqual(await json('query', sales), await json('metric', 'sales'))
    const near =
      /there is no table state\.day\.purchase__membr .* → Did you mean "state\.day\.purchase__member"/
    await refused(['query', 'select * from state.day.purchase__membr'], 1, near)
    const column = /there is no column "sale__sum" .* → Did you mean "sales__sum"/
    await refused(['query', 'select sale__sum from state.day.purchase__member'], 1, column)
  })

  async function edited(
    file: string,
    [from, to]: readonly [string, string],
    work: () => Promise<void>,
  ): Promise<void> {
    const whole = path.join(project, file)
    const text = await readFile(whole, 'utf8')
    assert.ok(text.includes(from))
    await writeFile(whole, text.replace(from, to))
    try {
      await work()
    } finally {
      await writeFile(whole, text)
    }
  }
})

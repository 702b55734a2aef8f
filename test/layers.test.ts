/** Holds the table of ARCHITECTURE.md: which folder of src may import which, and through which files. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { describe, it } from 'node:test'
import { importsOf } from './scan-source.ts'

const repository = join(import.meta.dirname, '..')

/** What only `app/` imports: the things that know which engine, database or source is behind a port. */
const adapters = ['engine/duckdb/', 'state/sqlite.ts', 'ingest/source/', 'collect/log/']

/** Files that prove something and are not part of the product. They may also import adapters, the declarations' front, others' suites, and test/ and bench/. */
const proof = /\.(test|suite|fixture)\.ts$/

interface Layer {
  readonly folder: string
  readonly mayImport: readonly string[]
  readonly faces: readonly string[] | 'every file'
}

/** Rows of the table between the `layers` marks. */
function readLayers(root: string): readonly Layer[] {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
  const table = /<!-- layers -->([\s\S]*?)<!-- \/layers -->/.exec(text)?.[1]
  ok(table, 'ARCHITECTURE.md has a table between <!-- layers --> and <!-- /layers -->')
  const rows = table.trim().split('\n').slice(2)
  const layers: Layer[] = []
  for (const row of rows) {
    const [folder = '', mayImport = '', faces = ''] = row
      .split('|')
      .slice(1)
      .map((cell) => cell.trim())
    layers.push({
      folder,
      mayImport:
        mayImport === 'all above' ? layers.map((layer) => layer.folder) : listed(mayImport),
      faces: faces === 'every file' ? faces : listed(faces),
    })
  }
  return layers
}

function listed(cell: string): readonly string[] {
  return cell === '–' ? [] : cell.split(',').map((item) => item.trim())
}

/** One line for each import that the table does not allow, each with what to do instead. */
function findViolations(root: string): readonly string[] {
  const layers = new Map(readLayers(root).map((layer) => [layer.folder, layer]))
  const files = globSync('src/**/*.ts', { cwd: root })
    .map((file) => file.replaceAll('\\', '/').slice('src/'.length))
    .toSorted()
  const violations: string[] = []
  for (const file of files) {
    for (const { specifier, line } of importsOf(readFileSync(join(root, 'src', file), 'utf8'))) {
      if (!specifier.startsWith('.')) continue
      const target = posix.join(posix.dirname(file), specifier)
      const reason = whyRefused(file, target, layers)
      if (reason !== undefined) violations.push(`src/${file}:${line} imports ${target}: ${reason}`)
    }
  }
  return violations
}

function whyRefused(
  file: string,
  target: string,
  layers: ReadonlyMap<string, Layer>,
): string | undefined {
  const from = folderOf(file)
  const to = folderOf(target)
  // src/index.ts is what projects import: the declarations, wherever in model they lie.
  if (file === 'index.ts')
    return to === 'model'
      ? undefined
      : 'src/index.ts offers the declarations of model/ only; move the export there'
  const layer = layers.get(from)
  if (layer === undefined)
    return `${from}/ has no row in the table of ARCHITECTURE.md; add one, or put the file into a folder that has`
  const isProof = proof.test(file)
  if (isProof && isOpenToProof(target)) return undefined
  if (target.startsWith('..'))
    return 'the product imports nothing outside of src/; move what it needs into src/'
  if (from === to) return whyRefusedInside(file, target, isProof)
  if (!layer.mayImport.includes(to)) {
    const allowed = layer.mayImport.length === 0 ? 'nothing else' : layer.mayImport.join(', ')
    return `${from}/ may import ${allowed}; meet in tables, the Model or State, or move the shared part down`
  }
  if (proof.test(target))
    return 'the product imports no test code; move the shared part into a file of its own'
  if (adapters.some((adapter) => target.startsWith(adapter))) {
    return from === 'app' ? undefined : `only app/ names an adapter; take the port as a parameter`
  }
  const faces = layers.get(to)?.faces ?? []
  if (faces === 'every file' || faces.some((face) => target === `${to}/${face}`)) return undefined
  return `that is inside of ${to}/; import ${faces.map((face) => `${to}/${face}`).join(' or ')} and export there what is needed`
}

function isOpenToProof(target: string): boolean {
  if (/^\.\.\/(test|bench)\//.test(target) || target === 'index.ts') return true
  return proof.test(target) || adapters.some((adapter) => target.startsWith(adapter))
}

/** Inside a folder everything is free, but the port's side does not import the adapter's. */
function whyRefusedInside(file: string, target: string, isProof: boolean): string | undefined {
  if (!isProof && proof.test(target))
    return 'the product imports no test code; move the shared part into a file of its own'
  const adapter = adapters.find((candidate) => target.startsWith(candidate))
  if (adapter === undefined || isProof || file.startsWith(adapter)) return undefined
  return 'only app/ names an adapter; turn the import around: the adapter imports the port'
}

function folderOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : ''
}

describe('the table of who may import whom', () => {
  it('has a row for every folder of src, and faces that exist', () => {
    const layers = readLayers(repository)
    const folders = new Set(
      globSync('src/*/', { cwd: repository }).map((folder) =>
        folder.replaceAll('\\', '/').replace(/^src\/|\/$/g, ''),
      ),
    )
    const missing = [...folders].filter(
      (folder) => !layers.some((layer) => layer.folder === folder),
    )
    deepEqual(missing, [], 'add a row for these folders to ARCHITECTURE.md')
    const faces = layers.flatMap((layer) =>
      layer.faces === 'every file' ? [] : layer.faces.map((face) => `src/${layer.folder}/${face}`),
    )
    const absent = faces.filter((face) => !existsSync(join(repository, face)))
    deepEqual(
      absent,
      [],
      'these faces do not exist: write them, or take them out of the table in ARCHITECTURE.md',
    )
  })

  it('is kept by every import of src', () => {
    const violations = findViolations(repository)
    equal(violations.length, 0, `\n${violations.join('\n')}`)
  })
})

describe('the guard of the table', () => {
  const architecture = [
    '<!-- layers -->',
    '| folder | may import | faces |',
    '|---|---|---|',
    '| base | – | every file |',
    '| state | base | state.ts |',
    '| lake | base, state | lake.ts |',
    '| run | base, lake | run.ts |',
    '| app | all above | app.ts |',
    '<!-- /layers -->',
  ].join('\n')

  /** The violations in a tree of these files, without the reasons. */
  function violationsIn(files: Readonly<Record<string, string>>): readonly string[] {
    const root = mkdtempSync(join(tmpdir(), 'maru-layers-'))
    try {
      writeFileSync(join(root, 'ARCHITECTURE.md'), architecture)
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(dirname(join(root, 'src', file)), { recursive: true })
        writeFileSync(join(root, 'src', file), text)
      }
      return findViolations(root).map((violation) =>
        violation.slice('src/'.length, violation.indexOf(': ')),
      )
    } finally {
      rmSync(root, { recursive: true })
    }
  }

  const refused: Readonly<Record<string, readonly [file: string, text: string, target: string]>> = {
    'a folder above': ['base/a.ts', "import { x } from '../state/state.ts'", 'state/state.ts'],
    'a folder that is not listed': [
      'run/a.ts',
      "import { x } from '../state/state.ts'",
      'state/state.ts',
    ],
    'a type': ['base/a.ts', "import type { X } from '../state/state.ts'", 'state/state.ts'],
    'an effect': ['base/a.ts', "import '../state/state.ts'", 'state/state.ts'],
    'an export of another': [
      'base/a.ts',
      "export { x } from '../state/state.ts'",
      'state/state.ts',
    ],
    'a dynamic import': [
      'base/a.ts',
      "const x = await import('../state/state.ts')",
      'state/state.ts',
    ],
    'a dynamic import in a template': [
      'base/a.ts',
      "const x = `${await import('../state/state.ts')}`",
      'state/state.ts',
    ],
    'a type import in place': [
      'base/a.ts',
      "let x: import('../state/state.ts').X",
      'state/state.ts',
    ],
    'a file inside of a folder': [
      'lake/a.ts',
      "import { x } from '../state/upgrade.ts'",
      'state/upgrade.ts',
    ],
    'the adapter of another folder': [
      'lake/a.ts',
      "import { x } from '../state/sqlite.ts'",
      'state/sqlite.ts',
    ],
    'the adapter of the same folder': [
      'state/state.ts',
      "import { x } from './sqlite.ts'",
      'state/sqlite.ts',
    ],
    'the inside of an adapter, from app': [
      'app/a.ts',
      "import { x } from '../state/sqlite-schema.ts'",
      'state/sqlite-schema.ts',
    ],
    'a folder without a row': ['other/a.ts', "import { x } from '../base/a.ts'", 'base/a.ts'],
    'a suite, from the product': [
      'lake/a.ts',
      "import { x } from '../state/state.suite.ts'",
      'state/state.suite.ts',
    ],
    'something outside of src': [
      'lake/a.ts',
      "import { x } from '../../test/a.ts'",
      '../test/a.ts',
    ],
    'a layer that a test of a lower one has no business with': [
      'base/a.test.ts',
      "import { x } from '../lake/lake.ts'",
      'lake/lake.ts',
    ],
  }
  for (const [what, [file, text, target]] of Object.entries(refused)) {
    it(`reports ${what}`, () => {
      deepEqual(violationsIn({ [file]: `// first line\n${text}\n` }), [
        `${file}:2 imports ${target}`,
      ])
    })
  }

  const allowed: Readonly<Record<string, readonly [file: string, text: string]>> = {
    'the face of a listed folder': ['lake/a.ts', "import { x } from '../state/state.ts'"],
    'any file of base': ['lake/a.ts', "import { x } from '../base/deep/a.ts'"],
    'files of the same folder': ['state/a.ts', "import { x } from './b.ts'"],
    'an adapter, from app': ['app/a.ts', "import { x } from '../state/sqlite.ts'"],
    'an adapter, from a test': ['lake/a.test.ts', "import { x } from '../state/sqlite.ts'"],
    'test code outside of src, from a test': [
      'lake/a.test.ts',
      "import { x } from '../../test/a.ts'",
    ],
    'packages and Node': ['base/a.ts', "import { x } from 'zod'\nimport { y } from 'node:fs'"],
    'what is only written about': [
      'base/a.ts',
      "// import '../state/state.ts'\nconst text = `import '../state/state.ts'` + \"from '../state/state.ts'\" + String(/ from '..\\/state'/)",
    ],
  }
  for (const [what, [file, text]] of Object.entries(allowed)) {
    it(`allows ${what}`, () => {
      deepEqual(violationsIn({ [file]: text }), [])
    })
  }
})

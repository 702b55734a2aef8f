/** Makes the package to publish in `package/`: compiled files, and a package.json that points at them. `npm run build` calls it; publish that folder. */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const target = join(root, 'package')

rmSync(target, { recursive: true, force: true })
execFileSync(
  process.execPath,
  [
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    join(root, 'tsconfig.build.json'),
    '--outDir',
    join(target, 'dist'),
  ],
  { stdio: 'inherit' },
)
const { name, version, description, license, type, dependencies, engines } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as Record<string, unknown>
const manifest = {
  name,
  version,
  description,
  license,
  type,
  bin: { maru: './dist/cli/maru.js' },
  exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
  dependencies,
  engines,
}
writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
for (const file of ['README.md', 'LICENSE', 'CHANGELOG.md'])
  copyFileSync(join(root, file), join(target, file))
// `maru tracker` copies this text.
copyFileSync(join(root, 'src/tracker/tracker.ts'), join(target, 'dist/tracker/tracker.ts'))
chmodSync(join(target, 'dist/cli/maru.js'), 0o755)

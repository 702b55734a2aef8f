/** Makes a new project that type-checks and runs at once. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { MaruError } from '../base/errors.ts'
import { isTimeZone } from '../base/time.ts'
import { initFiles } from './init-files.ts'
import { maruVersion, packageFolder } from './maru-identity.ts'

export interface InitResult {
  readonly folder: string
  /** Written, relative to the folder. */
  readonly files: readonly string[]
  /** `maru` resolves already; else `npm install` comes first. */
  readonly linked: boolean
}

export interface InitOptions {
  /** IANA name; default: the machine's. */
  readonly zone?: string
}

/** Writes the project; PROJECT_EXISTS when any of what it would write is there. */
export async function initProject(folder: string, options: InitOptions = {}): Promise<InitResult> {
  const target = resolve(folder)
  const checkout = isCheckout()
  const files = initFiles({
    name: packageName(basename(target)),
    zone: options.zone ?? machineZone(),
    maru: checkout ? `file:${relativeLink(target)}` : `^${maruVersion()}`,
    command: 'npx maru',
  })
  refuseExisting(target, [...files.keys()])
  for (const [path, text] of files) {
    mkdirSync(dirname(join(target, path)), { recursive: true })
    writeFileSync(join(target, path), text, { flag: 'wx' })
  }
  if (checkout) linkPackages(target)
  return { folder: target, files: [...files.keys()], linked: checkout }
}

/** From a checkout the package has its sources and lies in nobody's node_modules. */
function isCheckout(): boolean {
  return (
    existsSync(join(packageFolder, 'src', 'index.ts')) &&
    !packageFolder.split(/[\\/]/).includes('node_modules')
  )
}

function relativeLink(target: string): string {
  // npm reads the path from the real place of package.json.
  const parent = nearestExisting(target)
  const real = join(realpathSync(parent), relative(parent, target))
  return relative(real, realpathSync(packageFolder)).replaceAll('\\', '/')
}

function nearestExisting(path: string): string {
  return existsSync(path) ? path : nearestExisting(dirname(path))
}

function refuseExisting(target: string, paths: readonly string[]): void {
  const roots = new Set(paths.map((path) => path.split('/', 1)[0]!))
  const present = existsSync(target) ? readdirSync(target).filter((name) => roots.has(name)) : []
  if (present.length === 0) return
  throw new MaruError(
    'PROJECT_EXISTS',
    `${target} already holds ${present.toSorted().join(', ')}`,
    {
      hint: 'name another folder: maru init DIR',
    },
  )
}

/** What `npm install` would link, so that a project made from a checkout works at once and offline. */
function linkPackages(target: string): void {
  const modules = join(target, 'node_modules')
  mkdirSync(join(modules, '.bin'), { recursive: true })
  symlinkSync(packageFolder, join(modules, 'maru'), 'junction')
  for (const name of ['typescript', '@types/node']) {
    const own = join(packageFolder, 'node_modules', name)
    if (!existsSync(own)) continue
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(own, join(modules, name), 'junction')
  }
  if (existsSync(join(modules, 'typescript')))
    symlinkSync(join('..', 'typescript', 'bin', 'tsc'), join(modules, '.bin', 'tsc'))
  const command = join(packageFolder, 'script', 'maru')
  writeFileSync(
    join(modules, '.bin', 'maru'),
    `#!/bin/sh\nexec '${command.replaceAll("'", `'\\''`)}' "$@"\n`,
    { mode: 0o755 },
  )
}

function packageName(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  return name === '' || name === 'maru' ? 'shop' : name
}

function machineZone(): string {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone
  return isTimeZone(zone) ? zone : 'UTC'
}

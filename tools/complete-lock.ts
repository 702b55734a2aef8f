/**
 * Completes package-lock.json after `npm install`: npm leaves out the optional packages for other platforms that its registry does not offer
 * at that version, and `npm ci` then refuses the lock that npm wrote. Each gets an entry with the exact version its parent names and the
 * platform its name says; `npm ci` skips what is for another platform without asking the registry.
 */
import { readFileSync, writeFileSync } from 'node:fs'

interface LockEntry {
  version?: string
  cpu?: string[]
  dev?: boolean
  libc?: string[]
  optional?: boolean
  os?: string[]
  optionalDependencies?: Record<string, string>
}

interface Lock {
  packages: Record<string, LockEntry>
}

const lockFile = new URL('../package-lock.json', import.meta.url)

function main(): void {
  const lock = JSON.parse(readFileSync(lockFile, 'utf8')) as Lock
  const added = complete(lock)
  const sorted = Object.entries(lock.packages).toSorted(([left], [right]) =>
    left < right ? -1 : 1,
  )
  lock.packages = Object.fromEntries(sorted)
  if (added.length > 0) writeFileSync(lockFile, `${JSON.stringify(lock, undefined, 2)}\n`)
  console.log(
    added.length === 0
      ? 'package-lock.json is complete'
      : `added ${added.length} platform packages to package-lock.json`,
  )
}

/** Adds the missing entries in place and returns their paths. */
function complete(lock: Lock): readonly string[] {
  const added: string[] = []
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isInstalled(lock, path, name)) continue
      const target = `node_modules/${name}`
      lock.packages[target] = platformEntry(name, version, entry.dev === true)
      added.push(target)
    }
  }
  return added
}

/** Whether the name resolves from the package at `path`: beside it, or in a folder above. */
function isInstalled(lock: Lock, path: string, name: string): boolean {
  for (
    let folder = path;
    ;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))
  ) {
    const candidate = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`
    if (lock.packages[candidate] !== undefined) return true
    if (folder === '') return false
  }
}

const platformName =
  /(aix|android|darwin|freebsd|linux|openharmony|win32|windows)-(arm64|arm|ia32|ppc64|riscv64|s390x|x64|loong64)(?:-(\w+))?$/

function platformEntry(name: string, version: string, dev: boolean): LockEntry {
  const match = platformName.exec(name)
  if (match === null || !/^\d+\.\d+\.\d+/.test(version)) {
    throw new Error(
      `cannot tell the platform or the version of ${name}@${version}; add its entry to package-lock.json by hand`,
    )
  }
  const [, os, cpu, abi] = match
  const libc =
    os !== 'linux' || abi === undefined ? undefined : abi.startsWith('musl') ? 'musl' : 'glibc'
  return {
    version,
    cpu: [cpu!],
    ...(dev ? { dev } : {}),
    ...(libc === undefined ? {} : { libc: [libc] }),
    optional: true,
    os: [os === 'windows' ? 'win32' : os!],
  }
}

main()

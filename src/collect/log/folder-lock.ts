/**
 * One writer for a folder: a file `lock-N` with the identity of the process that writes. It is not about durability but about who lives, so it does not go
 * through `Files`. Who finds only locks of the dead adds the next number, and holds the folder when no other lock of a living process is there then:
 * of two that come at once at least one sees the other. A process is its id, when it was started, and the boot of the machine: an id that was given
 * again is somebody else.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { MaruError } from '../../base/errors.ts'

export interface FolderLock {
  release(): Promise<void>
}

interface Lock {
  readonly number: number
  readonly file: string
  readonly owner: string
}

const roundsMax = 100

/** Fails with LOG_IN_USE while the process that holds it lives. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const candidate = path.join(folder, `candidate-${randomUUID()}`)
  await writeFile(candidate, identityOf(process.pid) ?? String(process.pid))
  try {
    for (let round = 0; round < roundsMax; round++) {
      const before = await locksIn(folder)
      refuseLiving(folder, before)
      const number = Math.max(0, ...before.map((lock) => lock.number)) + 1
      const file = path.join(folder, `lock-${number}`)
      if (await linked(candidate, file)) return await confirmed(folder, file)
    }
    throw inUse(folder, 'of many that start at once')
  } finally {
    await rm(candidate, { force: true })
  }
}

async function confirmed(folder: string, file: string): Promise<FolderLock> {
  const others = (await locksIn(folder)).filter((lock) => lock.file !== file)
  try {
    refuseLiving(folder, others)
  } catch (error) {
    await rm(file)
    throw error
  }
  for (const dead of others) await rm(dead.file, { force: true })
  return { release: () => rm(file, { force: true }) }
}

async function locksIn(folder: string): Promise<readonly Lock[]> {
  const locks: Lock[] = []
  for (const name of await readdir(folder)) {
    const match = /^lock-(\d+)$/.exec(name)
    if (match === null) continue
    const file = path.join(folder, name)
    try {
      locks.push({ number: Number(match[1]), file, owner: await readFile(file, 'utf8') })
    } catch (error) {
      // Released since the names were read.
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }
  return locks
}

function refuseLiving(folder: string, locks: readonly Lock[]): void {
  for (const { owner } of locks) if (isAlive(owner)) throw inUse(folder, owner)
}

/** A link is made whole or not at all, and never over another. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

function isAlive(owner: string): boolean {
  const pid = Number.parseInt(owner, 10)
  return pid > 0 && identityOf(pid) === owner
}

/** undefined when no such process lives. Without /proc (macOS) the id alone has to do. */
function identityOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (systemCode(error) !== 'EPERM') return undefined
  }
  const stat = textOf(`/proc/${pid}/stat`)
  if (stat === undefined) return String(pid)
  // The name in parentheses may hold anything; after it come the state and, as the 20th, the start.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  return `${pid} ${fields[19]} ${(textOf('/proc/sys/kernel/random/boot_id') ?? '').trim()}`
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // Not a Linux, or the process ended this moment: the id is what is left.
    return undefined
  }
}

function inUse(folder: string, owner: string): MaruError {
  return new MaruError('LOG_IN_USE', `process ${owner.split(' ')[0]} writes to the log ${folder}`, {
    hint: 'stop that process, or give this one a folder of its own',
    retry: 'later',
  })
}

function systemCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

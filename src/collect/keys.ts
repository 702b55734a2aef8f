/**
 * Write keys: made, replaced and taken back while everything runs. A key is shown once; State keeps its SHA-256. A replaced key still works for a while, so that
 * clients can follow; a revoked one stops when the collectors have read the settings again.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { MaruError, assert } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import type { State } from '../state/state.ts'
import { hashKey } from './compile-settings.ts'
import type { KeySettings } from './settings.ts'

export interface WriteKey extends KeySettings {
  readonly source: string
  readonly createdAtMs: number
  /** No longer taken from then on; absent: in force. */
  readonly endsAtMs?: number
}

export interface NewKey {
  readonly id: string
  /** The secret: it can never be read again. */
  readonly key: string
}

const scope = 'collect/keys'
const leaseMs = 10_000
const rotationMs = 24 * 3_600_000

/** All that ever were, oldest first. */
export async function listKeys(state: State): Promise<readonly WriteKey[]> {
  const values = await state.values(scope)
  return [...values.values()]
    .map((text) => JSON.parse(text) as WriteKey)
    .toSorted(
      (left, right) => left.createdAtMs - right.createdAtMs || (left.id < right.id ? -1 : 1),
    )
}

export function keysInForce(keys: readonly WriteKey[], nowMs: number): readonly WriteKey[] {
  return keys.filter((key) => key.endsAtMs === undefined || key.endsAtMs > nowMs)
}

export async function createKey(state: State, source: string, nowMs: number): Promise<NewKey> {
  return await change(state, (keys) => {
    const made = makeKey(keys, source, nowMs)
    return { changed: [made.record], result: made.shown }
  })
}

/** A new key of the same source; the old one ends after `keepMs` (default a day). NOT_FOUND for an id that is none or has ended. */
export async function rotateKey(
  state: State,
  id: string,
  options: { readonly nowMs: number; readonly keepMs?: number },
): Promise<NewKey> {
  const { nowMs, keepMs = rotationMs } = options
  return await change(state, (keys) => {
    const old = requireKey(keys, id, nowMs)
    const made = makeKey(keys, old.source, nowMs)
    const endsAtMs = Math.min(old.endsAtMs ?? Infinity, nowMs + keepMs)
    return { changed: [made.record, { ...old, endsAtMs }], result: made.shown }
  })
}

/** NOT_FOUND for an id that is none or has ended. */
export async function revokeKey(state: State, id: string, nowMs: number): Promise<void> {
  await change(state, (keys) => {
    const old = requireKey(keys, id, nowMs)
    return { changed: [{ ...old, endsAtMs: nowMs }], result: undefined }
  })
}

function makeKey(
  keys: readonly WriteKey[],
  source: string,
  nowMs: number,
): { readonly record: WriteKey; readonly shown: NewKey } {
  // Ids are never used twice: one that ended stays on record.
  const id = `${source}-${keys.filter((key) => key.source === source).length + 1}`
  const key = `maru_${source}_${randomBytes(24).toString('base64url')}`
  return { record: { id, source, sha256: hashKey(key), createdAtMs: nowMs }, shown: { id, key } }
}

function requireKey(keys: readonly WriteKey[], id: string, nowMs: number): WriteKey {
  const inForce = keysInForce(keys, nowMs)
  const found = inForce.find((key) => key.id === id)
  if (found !== undefined) return found
  throw new MaruError('NOT_FOUND', `there is no key "${id}" in force`, {
    hint: suggest(
      id,
      inForce.map((key) => key.id),
    ),
  })
}

interface Change<Result> {
  readonly changed: readonly WriteKey[]
  readonly result: Result
}

/** One at a time over all processes: reads, decides, writes. */
async function change<Result>(
  state: State,
  decide: (keys: readonly WriteKey[]) => Change<Result>,
): Promise<Result> {
  const lease = await state.acquireLease(scope, randomUUID(), leaseMs)
  if (lease === undefined)
    throw new MaruError('STATE_BUSY', 'somebody else is changing keys', {
      hint: 'try again in a moment',
      retry: 'now',
    })
  try {
    const { changed, result } = decide(await listKeys(state))
    const values = new Map([[scope, new Map(changed.map((key) => [key.id, JSON.stringify(key)]))]])
    const outcome = await state.publish({ lease, values })
    assert(outcome === 'published', `writing keys ends as "${outcome}"`)
    return result
  } finally {
    await state.releaseLease(lease)
  }
}

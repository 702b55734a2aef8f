/** The summary of a snapshot: Iceberg's counts, and what the committer adds under `maru.`. */
import type { ManifestFile } from './manifest-list.ts'
import { partitionKey } from './partition.ts'
import type { ManifestEntry } from './manifest.ts'
import type { StoredSnapshot } from './metadata.ts'
import type { DataFile, PartitionSpec } from './table.ts'

export interface SummaryRequest {
  readonly manifests: readonly ManifestFile[]
  readonly parent: StoredSnapshot | undefined
  readonly added: readonly DataFile[]
  readonly removed: readonly ManifestEntry[]
  readonly spec: PartitionSpec
  /** Keys get the prefix `maru.`. */
  readonly extra: Readonly<Record<string, string>>
}

export function snapshotSummary(request: SummaryRequest): Readonly<Record<string, string>> {
  const { manifests, parent, added, spec } = request
  const removed = request.removed.map((entry) => entry.file)
  const total = (count: 'files' | 'rows'): number =>
    manifests.reduce((sum, manifest) => sum + manifest.added[count] + manifest.existing[count], 0)
  const addedBytes = bytesOf(added)
  const removedBytes = bytesOf(removed)
  const changed = new Set([
    ...added.map((file) => file.partition),
    ...removed.map((file) => partitionKey(file.partition, spec)),
  ])
  const summary: Record<string, string | number> = {
    'added-data-files': added.length,
    'deleted-data-files': removed.length,
    'added-records': rowsOf(added),
    'deleted-records': rowsOf(removed),
    'added-files-size': addedBytes,
    'removed-files-size': removedBytes,
    'changed-partition-count': changed.size,
    'total-data-files': total('files'),
    'total-records': total('rows'),
    'total-files-size':
      Number(parent?.summary['total-files-size'] ?? 0) + addedBytes - removedBytes,
    'total-delete-files': 0,
    'total-position-deletes': 0,
    'total-equality-deletes': 0,
  }
  for (const [key, value] of Object.entries(request.extra)) summary[`maru.${key}`] = value
  return Object.fromEntries(Object.entries(summary).map(([key, value]) => [key, String(value)]))
}

function bytesOf(files: readonly { readonly sizeBytes: number }[]): number {
  return files.reduce((sum, file) => sum + file.sizeBytes, 0)
}

function rowsOf(files: readonly { readonly rows: number }[]): number {
  return files.reduce((sum, file) => sum + file.rows, 0)
}

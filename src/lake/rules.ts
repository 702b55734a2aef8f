/** How a lake keeps itself small. */
export interface LakeRules {
  /** Snapshots kept at each commit; older ones and the files only they need go, unless they are younger than `keepSnapshotsMs`. */
  readonly keepSnapshots: number
  /** So long a read that was planned from a snapshot finds its files, unless commits come so often that there are more than `snapshotsMax`. */
  readonly keepSnapshotsMs: number
  readonly snapshotsMax: number
  /** Earlier metadata files kept beside the current one. */
  readonly metadataLog: number
  /** As many manifests of one size class (powers of ten of files) are merged into one. */
  readonly manifestMergeCount: number
  /** About how many files a full manifest has; half of it is full enough not to be merged further. */
  readonly manifestFilesMax: number
  /** How often a commit is tried against other writers before LAKE_CONFLICT. */
  readonly commitAttemptsMax: number
}

export const defaultRules: LakeRules = {
  keepSnapshots: 100,
  keepSnapshotsMs: 600_000,
  snapshotsMax: 1000,
  metadataLog: 20,
  manifestMergeCount: 10,
  manifestFilesMax: 1000,
  commitAttemptsMax: 60,
}

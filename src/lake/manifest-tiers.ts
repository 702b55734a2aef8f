/** Which small manifests are merged: like a log-structured merge tree, so that each file is rewritten a few times, not at every commit. */
import { liveFiles } from './manifest-list.ts'
import type { ManifestFile } from './manifest-list.ts'
import type { LakeRules } from './rules.ts'

/** Groups to merge into one manifest each, in the list's order. */
export function mergeCandidates(
  manifests: readonly ManifestFile[],
  rules: LakeRules,
): ManifestFile[][] {
  const tiers = new Map<number, ManifestFile[]>()
  for (const manifest of manifests) {
    const files = liveFiles(manifest)
    // Half full is full enough: merging it again would win little.
    if (files > rules.manifestFilesMax / 2) continue
    const tier = Math.floor(Math.log10(files))
    tiers.set(tier, [...(tiers.get(tier) ?? []), manifest])
  }
  return [...tiers.values()].flatMap((tier) => fullGroups(tier, rules))
}

function fullGroups(tier: readonly ManifestFile[], rules: LakeRules): ManifestFile[][] {
  const groups: ManifestFile[][] = []
  let group: ManifestFile[] = []
  let files = 0
  for (const manifest of tier) {
    group.push(manifest)
    files += liveFiles(manifest)
    if (group.length < rules.manifestMergeCount && files < rules.manifestFilesMax) continue
    if (group.length > 1) groups.push(group)
    group = []
    files = 0
  }
  return groups
}

/** What one new day costs: a run after the files of one more day came to the example shop, beside the run that built everything. */
import type { Bench } from './figure.ts'
import { runEverything, writeShopProject } from './project/shop-project.ts'
import { fullShop, shortShop } from './project/shop-rows.ts'

export const run: Bench = async ({ short }) => {
  const size = short ? shortShop : fullShop
  const project = await writeShopProject(size)
  try {
    const full = await runEverything(project.folder)
    await project.addLastDay()
    const day = await runEverything(project.folder)
    const nothing = await runEverything(project.folder)
    if (nothing.partitions > 0) throw new Error(`${nothing.partitions} partitions were built again`)
    const beside = { what: 'the full run', value: seconds(full.ms) }
    return [
      {
        what: `run after one new day (${Math.round(size.lines / size.days)} of ${size.lines} order lines)`,
        value: seconds(day.ms),
        unit: 's',
        beside,
      },
      {
        what: 'partitions published',
        value: day.partitions,
        unit: 'partitions',
        beside: { what: 'by the full run', value: full.partitions },
      },
      { what: 'run with nothing new', value: seconds(nothing.ms), unit: 's', beside },
    ]
  } finally {
    project.remove()
  }
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000
}

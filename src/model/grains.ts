/** Words for periods: those that every calendar has, and those of a project's own calendars. */
import { nearest } from '../base/nearest.ts'
import { grains } from './algebra.ts'
import type { Book } from './identify.ts'

/** The grains of the project's calendars. */
export function ownGrains(book: Book): readonly string[] {
  return [...book.tables.values()].flatMap(({ data }) => {
    const grains = data.kind === 'object' ? data.calendar?.grains : undefined
    return Array.isArray(grains) ? grains.filter((grain) => typeof grain === 'string') : []
  })
}

/** Why the text is no grain; undefined when it is one. */
export function grainFault(book: Book, text: unknown): string | undefined {
  const names = [...grains, ...ownGrains(book)]
  if (typeof text === 'string' && names.includes(text)) return undefined
  const near = nearest(String(text), names)
  return near === undefined ? `one of ${names.join(', ')}` : `did you mean ${near}?`
}

/** `1 month`, `2 alien_days`: how many of which grain; undefined for anything else. */
export function countedGrain(
  book: Book,
  text: string,
): { readonly count: number; readonly grain: string } | undefined {
  const match = /^([1-9]\d{0,5}) ([a-z][a-z0-9_]*)$/.exec(text)
  const grain = [match?.[2], match?.[2]?.replace(/s$/, '')].find(
    (name) => name !== undefined && grainFault(book, name) === undefined,
  )
  return match === null || grain === undefined ? undefined : { count: Number(match[1]), grain }
}

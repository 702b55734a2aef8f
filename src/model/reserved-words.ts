/** Words that one of the three dialects does not take as a plain name of a table or a column. A test compares the first list with DuckDB's own. */

/** DuckDB: `duckdb_keywords()` of the categories reserved and type_function, without those of the latter that it takes as names all the same. */
export const duckdbWords: readonly string[] = words(`
  all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check collate collation column   concurrently constraint create cross default deferrable desc describe distinct do else end except false fetch for foreign freeze from full
  glob group having ilike in initially inner intersect into is isnull join lambda lateral leading left like limit natural not notnull
  null offset on only or order outer overlaps pivot pivot_longer pivot_wider placing positional primary qualify references returning right select
  semi show similar some summarize symmetric table tablesample then to trailing true union unique unpack unpivot using variadic
  verbose when where window with`)

/** Spark: reserved with ANSI keywords enforced, and those that the default mode does not take as an alias. */
const sparkWords: readonly string[] = words(`
  all and anti any as authorization both case cast check collate collation column constraint create cross current_date current_time
  current_timestamp current_user distinct else end escape except execute false fetch filter for foreign from full grant group having in inner
  intersect into is join lateral leading left minus natural not null offset on only or order outer overlaps percentile_cont percentile_disc primary
  recursive references right select semi session_user some sql table then time to trailing union unique unknown user using when where with within`)

/** PostgreSQL: reserved, and reserved except as the name of a function or type. */
const postgresWords: readonly string[] = words(`
  all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column concurrently constraint
  create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user default deferrable desc
  distinct do else end except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into is isnull join
  lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary
  references returning right select session_user similar some symmetric system_user table tablesample then to trailing true union unique user using
  variadic verbose when where window with`)

const dialects: readonly (readonly [string, ReadonlySet<string>])[] = [
  ['DuckDB', new Set(duckdbWords)],
  ['Spark', new Set(sparkWords)],
  ['PostgreSQL', new Set(postgresWords)],
]

/** The dialects that keep the word for themselves; none for a free word. */
export function reservedIn(word: string): readonly string[] {
  return dialects.filter(([, set]) => set.has(word)).map(([dialect]) => dialect)
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}

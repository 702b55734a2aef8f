/**
 * The language of conditions: `member.country = 'France' and (amount > 10 or status is unknown)`. Text in, a tree with offsets out; what the
 * names mean and whether a literal fits its column is decided where the condition is bound.
 */
import { MaruError } from '../base/errors.ts'
import type { MetricCondition, Predicate, Scalar } from '../model/model.ts'

export interface PathToken {
  readonly text: string
  /** Characters from 0 in the filter text; absent when the condition comes from a declaration. */
  readonly offset?: number
}

export interface Literal {
  readonly kind: 'text' | 'number' | 'boolean' | 'null'
  readonly text: string
  readonly offset?: number
}

export type CompareOperator = '=' | '!=' | '<' | '<=' | '>' | '>='

export type Condition =
  | {
      readonly kind: 'compare'
      readonly path: PathToken
      readonly operator: CompareOperator
      readonly literal: Literal
    }
  | { readonly kind: 'in'; readonly path: PathToken; readonly literals: readonly Literal[] }
  | { readonly kind: 'like'; readonly path: PathToken; readonly pattern: Literal }
  | { readonly kind: 'unknown'; readonly path: PathToken }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Condition[] }
  | { readonly kind: 'not'; readonly operand: Condition }
  /** Only declared. */
  | MetricCondition
  /** Only made by the compiler: whether the value, unknown too, is in the column of a CTE. */
  | {
      readonly kind: 'among'
      readonly path: PathToken
      readonly rows: string
      readonly column: string
    }

const lengthMax = 1_000_000
const depthMax = 100

/** Throws METRIC_BAD_QUERY with the position (from 1) and what was expected. */
export function parseFilter(text: string): Condition {
  if (text.length > lengthMax) {
    throw new MaruError('METRIC_BAD_QUERY', `the condition has ${text.length} characters`, {
      hint: `at most ${lengthMax} are read`,
    })
  }
  const parser: Parser = { text, tokens: tokenize(text), at: 0, depth: 0 }
  const condition = parseOr(parser)
  if (peek(parser).kind !== 'end') throw unexpected(parser, '"and", "or" or the end')
  return condition
}

/** A declared predicate as a condition. */
export function conditionOf(predicate: Predicate): Condition {
  switch (predicate.kind) {
    case 'compare':
      return {
        kind: 'compare',
        path: { text: predicate.path },
        operator: predicate.operator,
        literal: literalOf(predicate.value),
      }
    case 'in':
      return {
        kind: 'in',
        path: { text: predicate.path },
        literals: predicate.values.map(literalOf),
      }
    case 'like':
      return { kind: 'like', path: { text: predicate.path }, pattern: literalOf(predicate.pattern) }
    case 'unknown':
      return { kind: 'unknown', path: { text: predicate.path } }
    case 'metric':
      return predicate
    case 'and':
    case 'or':
      return { kind: predicate.kind, operands: predicate.operands.map(conditionOf) }
    case 'not':
      return { kind: 'not', operand: conditionOf(predicate.operand) }
  }
}

export function literalOf(value: Scalar): Literal {
  if (value === null) return { kind: 'null', text: 'null' }
  if (typeof value === 'string') return { kind: 'text', text: value }
  if (typeof value === 'boolean') return { kind: 'boolean', text: String(value) }
  return { kind: 'number', text: String(value) }
}

interface Token {
  readonly kind: 'word' | 'text' | 'number' | 'symbol' | 'end'
  readonly text: string
  readonly offset: number
}

interface Parser {
  readonly text: string
  readonly tokens: readonly Token[]
  at: number
  depth: number
}

const tokenPattern =
  /(?<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*(?:@(?:now|period_end|cohort_entry)\b)?)|(?<number>-?\d+(?:\.\d+)?(?![A-Za-z0-9_.]))|'(?<text>(?:[^']|'')*)'|(?<symbol><>|<=|>=|!=|[=<>(),])/y

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = []
  let offset = 0
  while (offset < text.length) {
    if (/\s/.test(text[offset]!)) {
      offset++
      continue
    }
    tokenPattern.lastIndex = offset
    const match = tokenPattern.exec(text)
    if (match === null) throw unreadable(text, offset)
    const groups = match.groups!
    const kind = (['word', 'number', 'text', 'symbol'] as const).find(
      (name) => groups[name] !== undefined,
    )!
    tokens.push({
      kind,
      text: kind === 'text' ? groups['text']!.replaceAll("''", "'") : match[0],
      offset,
    })
    offset += match[0].length
  }
  tokens.push({ kind: 'end', text: 'the end', offset: text.length })
  return tokens
}

function unreadable(text: string, offset: number): MaruError {
  const found = text[offset]!
  let hint = "write a condition as member.country = 'France' and amount > 10"
  if (found === "'") hint = 'close the text with a quote; a quote inside is written twice'
  if (found === '"') hint = `write texts in single quotes: 'France'`
  if (/[\d-]/.test(found))
    hint = `write numbers as 10 or -10.5, days and times in quotes: '2011-03-31'`
  return new MaruError(
    'METRIC_BAD_QUERY',
    `the condition cannot be read at character ${offset + 1}: ${text.slice(offset, offset + 12)}`,
    { hint },
  )
}

function peek(parser: Parser): Token {
  return parser.tokens[parser.at]!
}

function isWord(token: Token, word: string): boolean {
  return token.kind === 'word' && token.text.toLowerCase() === word
}

function takeWord(parser: Parser, word: string): boolean {
  if (!isWord(peek(parser), word)) return false
  parser.at++
  return true
}

function takeSymbol(parser: Parser, symbol: string): boolean {
  const token = peek(parser)
  if (token.kind !== 'symbol' || token.text !== symbol) return false
  parser.at++
  return true
}

function unexpected(parser: Parser, expected: string, hint?: string): MaruError {
  const token = peek(parser)
  const found =
    token.kind === 'end'
      ? 'the end'
      : `"${parser.text.slice(token.offset, parser.tokens[parser.at + 1]!.offset).trim()}"`
  return new MaruError(
    'METRIC_BAD_QUERY',
    `the condition expects ${expected} at character ${token.offset + 1} but has ${found}`,
    {
      hint: hint ?? `for example: member.country = 'France' and amount > 10`,
    },
  )
}

function parseOr(parser: Parser): Condition {
  const operands = [parseAnd(parser)]
  while (takeWord(parser, 'or')) operands.push(parseAnd(parser))
  return operands.length === 1 ? operands[0]! : { kind: 'or', operands }
}

function parseAnd(parser: Parser): Condition {
  const operands = [parseNot(parser)]
  while (takeWord(parser, 'and')) operands.push(parseNot(parser))
  return operands.length === 1 ? operands[0]! : { kind: 'and', operands }
}

function parseNot(parser: Parser): Condition {
  if (++parser.depth > depthMax) {
    throw new MaruError('METRIC_BAD_QUERY', `the condition is nested deeper than ${depthMax}`, {
      hint: 'take out parentheses that are not needed',
    })
  }
  let condition: Condition
  if (takeWord(parser, 'not')) {
    condition = { kind: 'not', operand: parseNot(parser) }
  } else if (takeSymbol(parser, '(')) {
    condition = parseOr(parser)
    if (!takeSymbol(parser, ')')) throw unexpected(parser, '")", "and" or "or"')
  } else {
    condition = parseComparison(parser)
  }
  parser.depth--
  return condition
}

const words = new Set([
  'and',
  'or',
  'not',
  'in',
  'like',
  'between',
  'is',
  'unknown',
  'known',
  'null',
  'true',
  'false',
])

function parseComparison(parser: Parser): Condition {
  const token = peek(parser)
  if (token.kind !== 'word' || words.has(token.text.toLowerCase()))
    throw unexpected(parser, 'the name of a column or attribute')
  parser.at++
  const path: PathToken = { text: token.text, offset: token.offset }
  if (takeWord(parser, 'is')) return parseKnown(parser, path)
  const isNegated = takeWord(parser, 'not')
  const condition = parseSet(parser, path)
  if (condition !== undefined) return isNegated ? { kind: 'not', operand: condition } : condition
  if (isNegated) throw unexpected(parser, '"in", "like" or "between"')
  const operator = compareOperators.get(peek(parser).kind === 'symbol' ? peek(parser).text : '')
  if (operator === undefined)
    throw unexpected(
      parser,
      'a comparison such as =, !=, <, >=, "in", "like", "between", "is unknown"',
    )
  parser.at++
  return { kind: 'compare', path, operator, literal: parseLiteral(parser) }
}

const compareOperators: ReadonlyMap<string, CompareOperator> = new Map([
  ['=', '='],
  ['!=', '!='],
  ['<>', '!='],
  ['<', '<'],
  ['<=', '<='],
  ['>', '>'],
  ['>=', '>='],
])

function parseKnown(parser: Parser, path: PathToken): Condition {
  const isNegated = takeWord(parser, 'not')
  if (takeWord(parser, 'unknown') || takeWord(parser, 'null')) {
    return isNegated
      ? { kind: 'not', operand: { kind: 'unknown', path } }
      : { kind: 'unknown', path }
  }
  if (takeWord(parser, 'known')) {
    return isNegated
      ? { kind: 'unknown', path }
      : { kind: 'not', operand: { kind: 'unknown', path } }
  }
  throw unexpected(parser, '"unknown" or "known"')
}

function parseSet(parser: Parser, path: PathToken): Condition | undefined {
  if (takeWord(parser, 'in')) {
    if (!takeSymbol(parser, '('))
      throw unexpected(parser, '"("', `write the values in parentheses: ${path.text} in ('a', 'b')`)
    const literals = [parseLiteral(parser)]
    while (takeSymbol(parser, ',')) literals.push(parseLiteral(parser))
    if (!takeSymbol(parser, ')')) throw unexpected(parser, '"," or ")"')
    return { kind: 'in', path, literals }
  }
  if (takeWord(parser, 'like')) {
    if (peek(parser).kind !== 'text')
      throw unexpected(parser, 'a pattern in quotes', `for example: ${path.text} like 'Fr%'`)
    return { kind: 'like', path, pattern: parseLiteral(parser) }
  }
  if (!takeWord(parser, 'between')) return undefined
  const low = parseLiteral(parser)
  if (!takeWord(parser, 'and'))
    throw unexpected(
      parser,
      '"and"',
      `for example: ${path.text} between 1 and 10; both ends are included`,
    )
  const high = parseLiteral(parser)
  return {
    kind: 'and',
    operands: [
      { kind: 'compare', path, operator: '>=', literal: low },
      { kind: 'compare', path, operator: '<=', literal: high },
    ],
  }
}

function parseLiteral(parser: Parser): Literal {
  const token = peek(parser)
  const word = token.kind === 'word' ? token.text.toLowerCase() : ''
  if (token.kind === 'text' || token.kind === 'number') {
    parser.at++
    return { kind: token.kind, text: token.text, offset: token.offset }
  }
  if (word === 'true' || word === 'false') {
    parser.at++
    return { kind: 'boolean', text: word, offset: token.offset }
  }
  if (word === 'null' || word === 'unknown')
    throw unexpected(parser, 'a value', 'ask for missing values with "is unknown"')
  throw unexpected(
    parser,
    'a value',
    `write texts, days and times in quotes: 'France', '2011-03-31'; columns are compared with values only`,
  )
}

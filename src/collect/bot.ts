/** Programs that visit: flagged, never dropped, because a wrong guess must not lose a customer. */

const patterns: readonly (readonly [RegExp, string])[] = [
  [/bot\b|crawl|spider|slurp|scrape/i, 'crawler'],
  [/headless|phantomjs|selenium|puppeteer|playwright/i, 'automation'],
  [/\b(curl|wget|python-requests|okhttp\/0|java\/1|go-http-client|libwww|scrapy)\b/i, 'library'],
  [/lighthouse|pagespeed|pingdom|uptime|monitor/i, 'monitor'],
]

/** The first reason to think so; undefined for people. */
export function botReason(
  userAgent: string | undefined,
  context: Readonly<Record<string, unknown>>,
): string | undefined {
  if (context['webdriver'] === true) return 'webdriver'
  if (userAgent === undefined) return undefined
  return patterns.find(([pattern]) => pattern.test(userAgent))?.[1]
}

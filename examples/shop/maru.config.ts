import { defineConfig, env, postgres } from 'maru'

export default defineConfig({
  zone: 'Asia/Seoul',
  currency: 'KRW',
  collect: { sources: { web: {} } },
  sources: { shop: postgres({ url: env('SHOP_URL', 'postgres://postgres@127.0.0.1:15433/shop') }) },
})

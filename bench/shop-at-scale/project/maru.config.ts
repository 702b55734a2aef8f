import { defineConfig } from 'maru'

export default defineConfig({ zone: 'Asia/Seoul', currency: 'KRW' })

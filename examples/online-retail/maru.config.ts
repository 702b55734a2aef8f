import { defineConfig } from 'maru'

export default defineConfig({ zone: 'Europe/London', currency: 'GBP' })

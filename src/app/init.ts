/** Makes a new project; the command line knows `app` only. */
export { initProject as makeProject, findProject, maruVersion } from '../project/project.ts'

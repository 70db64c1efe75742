export { Client, type CallOptions, type ClientOptions } from './client.js'
export { KakeyaError, UnreachableError } from './error.js'
export type * from './types.js'

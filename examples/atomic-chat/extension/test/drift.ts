/**
 * Compiled, never run, against a checkout: `@janhq/core` is the app's own core here. It fails to compile when the
 * fake promises what the core does not have.
 */
import type * as real from '@janhq/core'
import type * as fake from './core.js'

/** Fails where T is no U. */
type Is<T extends U, U> = T

// What the core hands out is what the fake hands out.
export type Out = [
  Is<real.chatCompletionRequest['model'], fake.chatCompletionRequest['model']>,
  Is<real.ImportOptions, fake.ImportOptions>,
]
// What the extension hands to the fake, the core takes.
export type In = [
  Is<fake.modelInfo, real.modelInfo>,
  Is<fake.SessionInfo, real.SessionInfo>,
  Is<fake.UnloadResult, real.UnloadResult>,
  Is<fake.SettingComponentProps, real.SettingComponentProps>,
  Is<fake.chatCompletionRequest, real.chatCompletionRequest>,
]
// Nothing that the core asks of an engine is unknown to the fake, and the other way round.
type Inherited =
  | keyof real.BaseExtension
  | 'registerEngine'
export type Members = [
  Is<Exclude<keyof real.AIEngine, Inherited>, keyof fake.AIEngine>,
  Is<keyof fake.AIEngine, keyof real.AIEngine>,
  Is<ConstructorParameters<typeof real.AIEngine>, ConstructorParameters<typeof fake.AIEngine>>,
]

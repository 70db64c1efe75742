/** An error that the daemon answered with, by its OpenAI error object. */
export class KakeyaError extends Error {
  /** status is 0 for an error that came in a stream, after its status was sent. */
  constructor(
    readonly status: number,
    message: string,
    readonly type: string,
    readonly code: string | null,
    readonly param: string | null,
    readonly retryAfterSeconds?: number
  ) {
    super(message)
    this.name = 'KakeyaError'
  }

  /** The conversation does not fit the channel's context any more. */
  get contextFull(): boolean {
    return this.code === 'context_length_exceeded'
  }
}

/** The daemon did not answer at all: it does not run, or not at this address. */
export class UnreachableError extends Error {
  constructor(readonly url: string, cause: unknown) {
    super(`kakeyad does not answer at ${url}: is it running?`, { cause })
    this.name = 'UnreachableError'
  }
}

/** errorOf reads the body of a refused request, whatever it is. */
export function errorOf(status: number, body: string, retryAfter?: string | null): KakeyaError {
  const seconds = retryAfter ? Number(retryAfter) : NaN
  const wait = Number.isFinite(seconds) ? seconds : undefined
  try {
    const e = (JSON.parse(body) as { error?: Partial<KakeyaError> }).error
    if (e && typeof e.message === 'string') {
      return new KakeyaError(status, e.message, e.type ?? 'server_error', e.code ?? null, e.param ?? null, wait)
    }
  } catch {
    // not JSON: the text is all there is to tell
  }
  return new KakeyaError(status, body.slice(0, 500) || `HTTP ${status}`, 'server_error', null, null, wait)
}
